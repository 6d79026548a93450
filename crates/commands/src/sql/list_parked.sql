SELECT process, category, stream_id, position, reason, parked_at
FROM process.parked
ORDER BY parked_at, position
LIMIT $1
