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
WHERE position > $1
ORDER BY position
LIMIT $2
