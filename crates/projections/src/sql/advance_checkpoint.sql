UPDATE projection.checkpoints
SET
    position = $4,
    hash = $5,
    state = 'running',
    reason = NULL,
    updated_at = clock_timestamp()
WHERE schema_name = $1
    AND position = $2
    AND hash = $3
