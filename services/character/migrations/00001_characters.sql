-- +goose Up
CREATE TABLE characters (
    character_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL,
    description  TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    revision     BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX characters_by_name ON characters (name, character_id);

CREATE TABLE actions (
    action_id       INTEGER PRIMARY KEY AUTOINCREMENT,
    description     TEXT    NOT NULL,
    script_id       BIGINT,
    character_id    BIGINT  REFERENCES characters (character_id) ON DELETE SET NULL,
    sequence_number BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX actions_by_script ON actions (script_id, action_id) WHERE script_id IS NOT NULL;
CREATE INDEX actions_by_character ON actions (character_id, action_id) WHERE character_id IS NOT NULL;
CREATE INDEX actions_by_script_and_character ON actions (script_id, character_id, action_id)
    WHERE script_id IS NOT NULL AND character_id IS NOT NULL;

CREATE TABLE spoken_words (
    dialogue_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    text            TEXT    NOT NULL,
    parenthetical   TEXT,
    script_id       BIGINT,
    character_id    BIGINT  REFERENCES characters (character_id) ON DELETE SET NULL,
    sequence_number BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX spoken_words_by_script ON spoken_words (script_id, dialogue_id) WHERE script_id IS NOT NULL;
CREATE INDEX spoken_words_by_character ON spoken_words (character_id, dialogue_id) WHERE character_id IS NOT NULL;
CREATE INDEX spoken_words_by_script_and_character ON spoken_words (script_id, character_id, dialogue_id)
    WHERE script_id IS NOT NULL AND character_id IS NOT NULL;

-- element_type is 'character', 'action' or 'spokenWord', element_id its identifier.
CREATE TABLE paraphrases (
    paraphrase_id INTEGER PRIMARY KEY AUTOINCREMENT,
    element_type  TEXT    NOT NULL,
    element_id    BIGINT  NOT NULL,
    original_id   BIGINT  NOT NULL,
    text          TEXT    NOT NULL,
    commentary    TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    revision      BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX paraphrases_by_element ON paraphrases (element_type, element_id, paraphrase_id);
