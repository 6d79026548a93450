DELETE FROM process.parked
WHERE process = $1 AND category = $2 AND stream_id = $3
