SELECT category, stream_id, position, resume
FROM process.parked
WHERE process = $1
