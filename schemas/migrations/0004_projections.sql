-- How far each projection has posted the book, and what it could not post. The read models' own tables are not here: each
-- projection has a schema of its own, made by `projections::install`, so that a changed one is built beside the old one.

CREATE SCHEMA projection;

CREATE TABLE projection.checkpoints (
    -- The Postgres schema that holds the projection's tables: its name and version (orders_v1).
    schema_name text COLLATE "C" NOT NULL,
    -- SHA-256 of the statements that made the tables: what was changed must come as a new version.
    tables_hash bytea NOT NULL,
    position bigint NOT NULL,
    -- Position and hash together name the point in history that the tables reflect.
    hash bytea NOT NULL,
    state text COLLATE "C" NOT NULL,
    -- Why it does not go on. NULL while it does.
    reason text,
    updated_at timestamptz NOT NULL,
    -- Also the lock: whoever holds the row FOR UPDATE is the projection's one runner.
    CONSTRAINT checkpoints_schema_name_key PRIMARY KEY (schema_name),
    CONSTRAINT checkpoints_tables_hash_check CHECK (octet_length(tables_hash) = 32),
    CONSTRAINT checkpoints_position_check CHECK (position >= 0),
    CONSTRAINT checkpoints_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT checkpoints_state_check CHECK (state IN ('running', 'stopped', 'refused')),
    CONSTRAINT checkpoints_reason_check CHECK ((state = 'running') = (reason IS NULL))
)
-- A row is updated with every batch: with room on its page each update is a HOT one, and no index grows.
WITH (fillfactor = 10);

-- Streams whose events a projection could not apply. Their later events wait behind them, in the book.
CREATE TABLE projection.parked (
    schema_name text COLLATE "C" NOT NULL,
    stream_id uuid NOT NULL,
    category text COLLATE "C" NOT NULL,
    -- The first event that was not applied.
    stream_version bigint NOT NULL,
    position bigint NOT NULL,
    reason text NOT NULL,
    parked_at timestamptz NOT NULL,
    -- Serves the queries, which ask whether what they show is complete.
    CONSTRAINT parked_stream_key PRIMARY KEY (schema_name, stream_id),
    CONSTRAINT parked_schema_name_fkey FOREIGN KEY (schema_name) REFERENCES projection.checkpoints (schema_name)
        ON UPDATE CASCADE ON DELETE CASCADE,
    CONSTRAINT parked_stream_version_check CHECK (stream_version >= 1),
    CONSTRAINT parked_position_check CHECK (position >= 1)
);

-- What every query reads beside its rows, in the same snapshot: the position they reflect, and for how long the next event has
-- been waiting to be posted.
CREATE VIEW projection.progress AS
SELECT
    checkpoints.schema_name,
    checkpoints.position,
    COALESCE(
        GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - next_event.recorded_at) * 1000)::bigint,
        0
    ) AS lag_ms
FROM projection.checkpoints
LEFT JOIN book.events AS next_event ON next_event.position = checkpoints.position + 1;

GRANT USAGE ON SCHEMA projection TO daybook_app;
GRANT SELECT, UPDATE (position, hash, state, reason, updated_at) ON projection.checkpoints TO daybook_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON projection.parked TO daybook_app;
GRANT SELECT ON projection.progress TO daybook_app;
