-- Where a long stream stands, so that it is not folded from its first event. Nothing depends on a snapshot: what does not
-- verify is discarded, and the stream is folded from its events. They are made in the background, never by the append.
CREATE TABLE book.snapshots (
    -- With the hash it names the point in history: of a book that went back, the page is not there any more.
    position bigint NOT NULL,
    stream_version bigint NOT NULL,
    taken_at timestamptz NOT NULL,
    -- Of the state's form: whoever writes another one folds anew.
    state_version integer NOT NULL,
    stream_id uuid NOT NULL,
    category text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    -- SHA-256 over all the other columns.
    checksum bytea NOT NULL,
    state bytea NOT NULL,
    -- Serves the loading of streams. One a stream: a newer one takes its place.
    CONSTRAINT snapshots_stream_key PRIMARY KEY (category, stream_id),
    CONSTRAINT snapshots_position_check CHECK (position >= 1),
    CONSTRAINT snapshots_stream_version_check CHECK (stream_version >= 1),
    CONSTRAINT snapshots_taken_at_check CHECK (isfinite(taken_at)),
    CONSTRAINT snapshots_state_version_check CHECK (state_version >= 1),
    CONSTRAINT snapshots_category_check CHECK (octet_length(category) BETWEEN 1 AND 64),
    CONSTRAINT snapshots_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT snapshots_checksum_check CHECK (octet_length(checksum) = 32)
)
-- Rows are replaced: with room on their page the updates are HOT ones, and the index does not grow.
WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON book.snapshots TO daybook_app;
