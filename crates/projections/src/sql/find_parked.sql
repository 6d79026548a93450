SELECT
    category,
    stream_id,
    stream_version
FROM projection.parked
WHERE schema_name = $1
    AND ($2::uuid IS NULL OR stream_id = $2)
ORDER BY position
