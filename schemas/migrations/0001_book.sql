-- The book: one append-only, dense and chained log of events. ARCHITECTURE.md ("The hash") specifies the bytes that are hashed.

DO $$
BEGIN
    -- The hash is over UTF-8. Another server encoding would store, and return, other bytes than the writer hashed.
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'the book needs a database with encoding UTF8, this one has %', current_setting('server_encoding');
    END IF;
END
$$;

CREATE SCHEMA book;

-- Columns of a fixed width come first, so that no row pays for padding. Text that is compared has collation "C": the
-- indexes stay valid when the system's collations change with an upgrade, and comparing is a memcmp.
CREATE TABLE book.events (
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    stream_version bigint NOT NULL,
    schema_version integer NOT NULL,
    stream_id uuid NOT NULL,
    category text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    hash bytea NOT NULL,
    -- json, not jsonb: the exact bytes stay, to be hashed, published and verified as they are.
    payload json NOT NULL,
    metadata json NOT NULL,
    -- The compare-and-set of the append, and the order in which every follower reads. Only ever grows at its end.
    CONSTRAINT events_position_key PRIMARY KEY (position) WITH (fillfactor = 100),
    -- Serves the loading of streams, and stands behind the compare-and-set: no stream has a version twice.
    CONSTRAINT events_stream_version_key UNIQUE (category, stream_id, stream_version),
    CONSTRAINT events_position_check CHECK (position >= 0),
    CONSTRAINT events_recorded_at_check CHECK (isfinite(recorded_at)),
    CONSTRAINT events_stream_version_check CHECK (stream_version >= 1),
    CONSTRAINT events_schema_version_check CHECK (schema_version >= 1),
    CONSTRAINT events_category_check CHECK (octet_length(category) BETWEEN 1 AND 64),
    CONSTRAINT events_event_type_check CHECK (octet_length(event_type) BETWEEN 1 AND 128),
    CONSTRAINT events_hash_check CHECK (octet_length(hash) = 32)
)
-- No row is ever updated: the first vacuum that sees a page freezes it, and none has to come back.
WITH (autovacuum_freeze_min_age = 0);

CREATE TABLE book.idempotency (
    scope text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    -- The last event of the command that used the key.
    position bigint NOT NULL,
    -- NULL: the effect of a process manager, which must never happen twice.
    expires_at timestamptz,
    outcome json NOT NULL,
    CONSTRAINT idempotency_key_key PRIMARY KEY (scope, key),
    CONSTRAINT idempotency_scope_check CHECK (octet_length(scope) BETWEEN 1 AND 256),
    CONSTRAINT idempotency_key_check CHECK (octet_length(key) BETWEEN 1 AND 256),
    CONSTRAINT idempotency_fingerprint_check CHECK (octet_length(fingerprint) = 32),
    CONSTRAINT idempotency_position_check CHECK (position >= 0)
);

-- Serves the deletion of expired keys.
CREATE INDEX idempotency_expires_at_idx ON book.idempotency (expires_at) WHERE expires_at IS NOT NULL;

CREATE FUNCTION book.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'the book is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
        USING ERRCODE = 'DB001';
END
$$;

-- A statement trigger: it also raises where no row would be touched, and is the only kind that sees TRUNCATE.
CREATE TRIGGER events_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON book.events
FOR EACH STATEMENT EXECUTE FUNCTION book.refuse_change();

-- ALWAYS: session_replication_role = replica does not switch it off.
ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only;

-- The server's login role is a member of this group and owns nothing. Roles belong to the cluster, not to the database:
-- the group may exist already, or be created by the migration of another database at this moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'daybook_app') THEN
        CREATE ROLE daybook_app NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA book TO daybook_app;
GRANT SELECT, INSERT ON book.events TO daybook_app;
GRANT SELECT, INSERT, DELETE ON book.idempotency TO daybook_app;

-- The title page, position 0: an event like any other, chained to 32 zero bytes. Because it is a row, the append to an
-- empty book checks the page before it in the same way as every other append.
DO $$
DECLARE
    book_id uuid := gen_random_uuid();
    opened_at timestamptz := clock_timestamp();
    payload text := format(
        '{"book_id":"%s","opened_at":"%s","hash_specification":1}',
        book_id,
        to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    );
    metadata text := '{}';
    field bytea;
    canonical bytea := '';
BEGIN
    FOREACH field IN ARRAY ARRAY[
        int8send(0),
        convert_to('book', 'UTF8'),
        uuid_send(book_id),
        int8send(1),
        convert_to('book.opened', 'UTF8'),
        int8send(1),
        int8send((extract(epoch FROM opened_at) * 1000000)::bigint),
        convert_to(payload, 'UTF8'),
        convert_to(metadata, 'UTF8')
    ] LOOP
        canonical := canonical || int4send(octet_length(field)) || field;
    END LOOP;

    INSERT INTO book.events (
        position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash, payload, metadata
    )
    VALUES (
        0, opened_at, 1, 1, book_id, 'book', 'book.opened',
        sha256('\x01'::bytea || decode(repeat('00', 32), 'hex') || sha256('\x00'::bytea || canonical)),
        payload::json, metadata::json
    );
END
$$;
