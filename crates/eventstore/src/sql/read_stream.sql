SELECT
    position,
    category,
    stream_id,
    stream_version,
    event_type,
    schema_version,
    payload AS "payload: RawJson",
    metadata AS "metadata: RawJson",
    recorded_at,
    hash AS "hash: [u8; 32]"
FROM book.events
WHERE category = $1 AND stream_id = $2 AND position <= $3
ORDER BY stream_version
