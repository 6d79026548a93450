-- What one writes by hand: the book without its chain, its positions from a sequence.
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    stream_version bigint NOT NULL,
    schema_version integer NOT NULL,
    stream_id uuid NOT NULL,
    category text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    CONSTRAINT events_position_key PRIMARY KEY (position),
    CONSTRAINT events_stream_version_key UNIQUE (category, stream_id, stream_version)
);
