UPDATE process.reconciliations
SET
    finished_at = now(),
    compared = $2,
    recorded = $3,
    discrepancies = $4,
    unknown = $5,
    last_error = NULL
WHERE provider = $1
