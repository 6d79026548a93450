SELECT process, category, stream_id, position, reason, parked_at
FROM process.parked
WHERE stream_id = ANY ($1)
ORDER BY parked_at, position
