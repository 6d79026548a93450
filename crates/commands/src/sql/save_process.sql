UPDATE process.checkpoints
SET position = $2, hash = $3, updated_at = now()
WHERE process = $1
