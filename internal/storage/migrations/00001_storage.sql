-- +goose Up
CREATE TABLE storage_secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
);

-- One row, rewritten by the readiness check to prove that writing works.
CREATE TABLE storage_probe (
    id         INTEGER PRIMARY KEY,
    checked_at BIGINT NOT NULL
);

-- The first answer to each request that carried an Idempotency-Key.
CREATE TABLE idempotency_keys (
    consumer        TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    fingerprint     BLOB    NOT NULL,
    status          INTEGER NOT NULL,
    header          TEXT    NOT NULL,
    body            BLOB    NOT NULL,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (consumer, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- The highest sequence number a scope (a script, or 0 for the whole service)
-- ever gave out; numbers are not given out again when an element is deleted.
CREATE TABLE sequence_scopes (
    scope_id    BIGINT PRIMARY KEY,
    last_number BIGINT NOT NULL
);

-- The numbers in use. Elements of several tables share a scope's numbers.
CREATE TABLE sequence_numbers (
    scope_id        BIGINT NOT NULL,
    sequence_number BIGINT NOT NULL,
    PRIMARY KEY (scope_id, sequence_number)
) WITHOUT ROWID;
