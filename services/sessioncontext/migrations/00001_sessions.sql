-- +goose Up
CREATE TABLE sessions (
    session_id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    BIGINT  NOT NULL,
    context    TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    revision   BIGINT  NOT NULL DEFAULT 1
);

CREATE INDEX sessions_by_user ON sessions (user_id, session_id);

-- data is a JSON object; script_id is NULL for a character's context apart
-- from any script. Characters and scripts live in other services.
CREATE TABLE contexts (
    context_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    character_id BIGINT  NOT NULL,
    script_id    BIGINT,
    data         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    revision     BIGINT  NOT NULL DEFAULT 1
);

-- Two indices, since NULLs are all different to a unique one.
CREATE UNIQUE INDEX contexts_in_script ON contexts (character_id, script_id) WHERE script_id IS NOT NULL;
CREATE UNIQUE INDEX contexts_without_script ON contexts (character_id) WHERE script_id IS NULL;
CREATE INDEX contexts_by_character ON contexts (character_id, context_id);
CREATE INDEX contexts_by_script ON contexts (script_id, context_id) WHERE script_id IS NOT NULL;
