package play

import "fountain.coach/fountainai/services/storyfactory"

// Story is a whole story as the Story Factory answers it.
type Story = storyfactory.FullStory

// Element is one place in the flow of a story.
type Element = storyfactory.StoryElement
