SELECT position, hash
FROM process.checkpoints
WHERE process = $1
FOR UPDATE SKIP LOCKED
