DELETE FROM projection.checkpoints
WHERE schema_name = $1
