-- +goose Up
-- assembled: the elements were put together from what peers link to the
-- script, and follow it; 0 once a caller has arranged them.
-- refreshed_at: when all peers last confirmed the whole story.
CREATE TABLE stories (
    script_id           INTEGER PRIMARY KEY,
    title               TEXT    NOT NULL,
    author              TEXT    NOT NULL,
    description         TEXT    NOT NULL,
    complete            BOOLEAN NOT NULL,
    assembled           BOOLEAN NOT NULL,
    title_page          TEXT    NOT NULL,
    csound_file_path    TEXT    NOT NULL DEFAULT '',
    lily_pond_file_path TEXT    NOT NULL DEFAULT '',
    midi_file_path      TEXT    NOT NULL DEFAULT '',
    refreshed_at        BIGINT  NOT NULL,
    created_at          BIGINT  NOT NULL,
    updated_at          BIGINT  NOT NULL,
    revision            BIGINT  NOT NULL DEFAULT 1
);

-- The snapshot: what elements refer to, as last seen.
CREATE TABLE known_characters (
    character_id INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL,
    description  TEXT    NOT NULL
);

CREATE TABLE known_actions (
    action_id   INTEGER PRIMARY KEY,
    description TEXT    NOT NULL
);

CREATE TABLE known_spoken_words (
    dialogue_id   INTEGER PRIMARY KEY,
    text          TEXT    NOT NULL,
    parenthetical TEXT
);

CREATE TABLE known_contexts (
    context_id   INTEGER PRIMARY KEY,
    character_id BIGINT  NOT NULL,
    data         TEXT    NOT NULL
);

-- The sections as their own service has them. Those whose heading stands in the
-- story are read from there instead.
CREATE TABLE known_sections (
    script_id       BIGINT NOT NULL REFERENCES stories (script_id) ON DELETE CASCADE,
    heading_id      BIGINT NOT NULL,
    title           TEXT   NOT NULL,
    sequence_number BIGINT NOT NULL,
    PRIMARY KEY (script_id, heading_id)
);

CREATE TABLE story_elements (
    element_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    script_id       BIGINT  NOT NULL REFERENCES stories (script_id) ON DELETE CASCADE,
    sequence_number BIGINT  NOT NULL,
    type            TEXT    NOT NULL,
    text            TEXT,
    heading_id      BIGINT,
    transition_id   BIGINT,
    character_id    BIGINT REFERENCES known_characters (character_id),
    action_id       BIGINT REFERENCES known_actions (action_id),
    dialogue_id     BIGINT REFERENCES known_spoken_words (dialogue_id),
    context_id      BIGINT REFERENCES known_contexts (context_id),
    layout          TEXT,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE UNIQUE INDEX story_elements_in_order ON story_elements (script_id, sequence_number);
