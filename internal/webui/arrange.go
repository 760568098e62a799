// Moving scenes: a story as blocks, and the numbers that its elements get when
// a block changes places.
package webui

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"fountain.coach/fountainai/internal/play"
	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/internal/screenplay/layout"
)

// mostMoves is how many elements one request to the Story Factory may reorder.
const mostMoves = 1000

// block is a stretch of a story that stays together. Scenes move; what stands
// before the first heading stays first, and the sections of an outline stay
// where they are, so that a scene can move into another act.
type block struct {
	// ID is the first element's.
	ID int64
	// Kind is sceneHeading, section, or empty for what comes first.
	Kind     screenplay.Kind
	Heading  string
	Number   string
	Depth    int
	Elements []placed
}

// placed is an element with its place.
type placed struct{ id, sequence int64 }

// IsScene reports whether the block is a scene, which moves.
func (b block) IsScene() bool { return b.Kind == screenplay.SceneHeading }

// blocksOf cuts a story at its scene headings and sections.
func blocksOf(story *play.Story) []block {
	var blocks []block
	for _, e := range story.Story {
		kind := screenplay.Kind(e.Type)
		switch {
		case kind == screenplay.SceneHeading || kind == screenplay.Section:
			blocks = append(blocks, headed(e, kind))
		case len(blocks) == 0:
			blocks = append(blocks, block{ID: e.ElementID})
		}
		last := &blocks[len(blocks)-1]
		last.Elements = append(last.Elements, placed{e.ElementID, e.Sequence})
	}
	return blocks
}

func headed(e play.Element, kind screenplay.Kind) block {
	b := block{ID: e.ElementID, Kind: kind}
	if e.Text != nil {
		b.Heading = layout.Plain(*e.Text)
	}
	if e.Layout != nil && e.Layout.SceneNumber != nil {
		b.Number = *e.Layout.SceneNumber
	}
	if e.Layout != nil && e.Layout.Depth != nil {
		b.Depth = *e.Layout.Depth
	}
	if b.Heading == "" {
		b.Heading = "(no heading)"
	}
	return b
}

// versionOf names the order of a story, so that a change made by somebody else
// in between is seen.
func versionOf(blocks []block) string {
	sum := sha256.New()
	for _, b := range blocks {
		for _, e := range b.Elements {
			fmt.Fprintln(sum, e.id)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// move gives an element a new place, as the Story Factory takes it.
type move struct {
	ElementID   int64 `json:"elementId"`
	NewSequence int64 `json:"newSequence"`
}

var errTooLong = errors.New("the scene and its neighbour are too long to change places")

// steps returns the requests that take the block at from to the place to, all
// others keeping their order. Each leaves the story whole and takes the scene as
// far as one request can.
func steps(blocks []block, from, to int) ([][]move, error) {
	blocks = slices.Clone(blocks)
	direction := 1
	if to < from {
		direction = -1
	}
	var requests [][]move
	for from != to {
		size, next := len(blocks[from].Elements), from
		for next != to && size+len(blocks[next+direction].Elements) <= mostMoves {
			next += direction
			size += len(blocks[next].Elements)
		}
		if next == from {
			return nil, errTooLong
		}
		requests = append(requests, renumber(blocks, from, next))
		from = next
	}
	return requests, nil
}

// renumber moves a block within blocks, and returns which elements get which
// number: the same numbers as before, in the new order.
func renumber(blocks []block, from, to int) []move {
	first, last := min(from, to), max(from, to)
	var numbers []int64
	for _, b := range blocks[first : last+1] {
		for _, e := range b.Elements {
			numbers = append(numbers, e.sequence)
		}
	}
	moved := blocks[from]
	copy(blocks[first:], slices.Insert(slices.Delete(slices.Clone(blocks[first:last+1]), from-first, from-first+1), to-first, moved))
	var moves []move
	at := 0
	for i := first; i <= last; i++ {
		elements := slices.Clone(blocks[i].Elements)
		for n := range elements {
			if elements[n].sequence != numbers[at] {
				elements[n].sequence = numbers[at]
				moves = append(moves, move{elements[n].id, numbers[at]})
			}
			at++
		}
		blocks[i].Elements = elements
	}
	return moves
}
