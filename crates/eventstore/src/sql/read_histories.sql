-- For each stream its snapshot, if it has one, and the first of the events that come after it: or, where that is of no use or
-- beyond the position, after the version asked for. LATERAL: one walk of each index a stream, never a join of the book.
WITH wanted AS (
    SELECT
        stream.category,
        stream.stream_id,
        stream.place,
        nearest.position,
        nearest.stream_version,
        nearest.taken_at,
        nearest.state_version,
        nearest.hash,
        nearest.checksum,
        nearest.state,
        page.recorded_at,
        CASE
            WHEN
                page.recorded_at IS NOT NULL
                AND nearest.state_version = stream.state_version
                AND nearest.position <= $5
                THEN nearest.stream_version
            ELSE stream.after
        END AS begins_after
    FROM UNNEST($1::text[], $2::uuid[], $3::integer[], $4::bigint[])
        WITH ORDINALITY AS stream (category, stream_id, state_version, after, place)
    -- 0: none is asked for.
    LEFT JOIN LATERAL (
        SELECT position, stream_version, taken_at, state_version, hash, checksum, state
        FROM book.snapshots
        WHERE
            category = stream.category
            AND stream_id = stream.stream_id
            AND stream.state_version > 0
    ) AS nearest ON true
    -- The page that it was taken at has to be there still, with its hash and so with everything before it.
    LEFT JOIN LATERAL (
        SELECT recorded_at
        FROM book.events
        WHERE position = nearest.position AND hash = nearest.hash
    ) AS page ON true
)
SELECT
    place AS "place!",
    false AS "is_event!",
    stream_version AS "stream_version!",
    position AS "position!",
    recorded_at AS "recorded_at?",
    hash AS "hash!: [u8; 32]",
    state_version AS "version!",
    begins_after AS "begins_after?",
    NULL::text AS "event_type?",
    NULL::json AS "payload?: RawJson",
    NULL::json AS "metadata?: RawJson",
    taken_at AS "taken_at?",
    checksum AS "checksum?: [u8; 32]",
    state AS "state?"
FROM wanted
WHERE position IS NOT NULL
UNION ALL
SELECT
    wanted.place,
    true,
    event.stream_version,
    event.position,
    event.recorded_at,
    event.hash,
    event.schema_version,
    NULL,
    event.event_type,
    event.payload,
    event.metadata,
    NULL,
    NULL,
    NULL
FROM wanted
CROSS JOIN LATERAL (
    SELECT position, stream_version, recorded_at, hash, schema_version, event_type, payload, metadata
    FROM book.events
    WHERE
        category = wanted.category
        AND stream_id = wanted.stream_id
        AND stream_version > wanted.begins_after
        AND position <= $5
    ORDER BY stream_version
    LIMIT $6
) AS event
ORDER BY 1, 2, 3
