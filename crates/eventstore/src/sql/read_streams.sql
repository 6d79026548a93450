-- LATERAL: one walk of the index a stream, never a join of the whole book.
SELECT
    event.position,
    event.category,
    event.stream_id,
    event.stream_version,
    event.event_type,
    event.schema_version,
    event.payload AS "payload: RawJson",
    event.metadata AS "metadata: RawJson",
    event.recorded_at,
    event.hash AS "hash: [u8; 32]"
FROM UNNEST($1::text[], $2::uuid[]) AS wanted (category, stream_id)
CROSS JOIN LATERAL (
    SELECT
        position, category, stream_id, stream_version, event_type, schema_version, payload, metadata, recorded_at, hash
    FROM book.events
    WHERE category = wanted.category AND stream_id = wanted.stream_id AND position <= $3
    ORDER BY stream_version
) AS event
ORDER BY event.category, event.stream_id, event.stream_version
