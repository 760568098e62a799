-- +goose Up
-- One row: the service whose database this is, so that no other takes it.
CREATE TABLE storage_owner (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    service TEXT NOT NULL
);
