-- +goose Up
CREATE TABLE scripts (
    script_id       INTEGER PRIMARY KEY AUTOINCREMENT,
    title           TEXT    NOT NULL,
    author          TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    sequence_number BIGINT  NOT NULL,
    source          TEXT    UNIQUE,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX scripts_by_title ON scripts (title, script_id);

-- The elements of a script share its sequence numbers. That no two have the same
-- is kept by sequence_numbers: a UNIQUE here would refuse an exchange halfway.
CREATE TABLE section_headings (
    heading_id      INTEGER PRIMARY KEY AUTOINCREMENT,
    script_id       BIGINT  NOT NULL REFERENCES scripts (script_id) ON DELETE CASCADE,
    title           TEXT    NOT NULL,
    sequence_number BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX section_headings_in_order ON section_headings (script_id, sequence_number);

CREATE TABLE transitions (
    transition_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    script_id       BIGINT  NOT NULL REFERENCES scripts (script_id) ON DELETE CASCADE,
    text            TEXT    NOT NULL,
    sequence_number BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX transitions_in_order ON transitions (script_id, sequence_number);
