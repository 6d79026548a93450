-- One autocommitted statement, one round trip; DESIGN.md has the table of its answers.
-- Nothing is inserted unless the page before is there with the hash we chained to, and the batch's time is not ahead
-- of this server's clock. The keys are inserted only after an event was, so that a key never stands without its event.
WITH turn AS MATERIALIZED (
    -- Shared by all that append, taken exclusively by a writer that keeps losing; the number spells "daybook".
    SELECT pg_advisory_xact_lock_shared(28254671641472875)
    WHERE $4::boolean
),
appended AS (
    INSERT INTO book.events (
        position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash, payload, metadata
    )
    SELECT
        $1::bigint + event.ord,
        $3::timestamptz,
        event.stream_version,
        event.schema_version,
        event.stream_id,
        event.category,
        event.event_type,
        event.hash,
        event.payload::json,
        event.metadata::json
    FROM UNNEST(
        $5::text[], $6::uuid[], $7::bigint[], $8::text[], $9::integer[], $10::text[], $11::text[], $12::bytea[]
    ) WITH ORDINALITY AS event (
        category, stream_id, stream_version, event_type, schema_version, payload, metadata, hash, ord
    )
    WHERE (SELECT count(*) FROM turn) >= 0
        AND EXISTS (SELECT FROM book.events WHERE position = $1 AND hash = $2::bytea)
        AND $3 <= statement_timestamp() + interval '2 seconds'
    ORDER BY event.ord
    RETURNING position
),
keyed AS (
    INSERT INTO book.idempotency (scope, key, fingerprint, position, expires_at, outcome)
    SELECT keyed.scope, keyed.key, keyed.fingerprint, keyed.position, keyed.expires_at, keyed.outcome::json
    FROM UNNEST(
        $13::text[], $14::text[], $15::bytea[], $16::text[], $17::bigint[], $18::timestamptz[]
    ) AS keyed (scope, key, fingerprint, outcome, position, expires_at)
    WHERE EXISTS (SELECT FROM appended)
)
SELECT
    count(*) AS "appended!",
    $3 <= statement_timestamp() + interval '2 seconds' AS "in_time!"
FROM appended
