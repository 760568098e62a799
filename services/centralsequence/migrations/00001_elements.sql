-- +goose Up
-- scope_id is the script whose line the element stands in, or 0 for the line of
-- the service. The primary key is the one that lists a type in order: SQLite
-- would pass over an index for it.
CREATE TABLE elements (
    scope_id        BIGINT  NOT NULL,
    sequence_number BIGINT  NOT NULL,
    element_type    TEXT    NOT NULL,
    element_id      BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    revision        BIGINT  NOT NULL DEFAULT 1,
    PRIMARY KEY (scope_id, element_type, sequence_number)
) WITHOUT ROWID;

CREATE UNIQUE INDEX elements_by_number ON elements (scope_id, sequence_number);
CREATE UNIQUE INDEX elements_by_element ON elements (scope_id, element_type, element_id);

-- Version 1 of an element is kept by the element's own service; data is JSON.
CREATE TABLE element_versions (
    element_type   TEXT    NOT NULL,
    element_id     BIGINT  NOT NULL,
    version_number BIGINT  NOT NULL,
    script_id      BIGINT,
    data           TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    PRIMARY KEY (element_type, element_id, version_number)
);
