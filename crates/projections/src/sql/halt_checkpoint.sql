UPDATE projection.checkpoints
SET
    state = $4,
    reason = $5,
    updated_at = clock_timestamp()
WHERE schema_name = $1
    AND position = $2
    AND hash = $3
    AND (state, reason) IS DISTINCT FROM ($4, $5)
