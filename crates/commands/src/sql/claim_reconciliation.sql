-- One node at a time, and none before its time.
INSERT INTO process.reconciliations (provider, started_at)
VALUES ($1, now())
ON CONFLICT ON CONSTRAINT reconciliations_pkey DO UPDATE
SET started_at = now(), finished_at = NULL
WHERE reconciliations.started_at <= now() - make_interval(secs => $2)
RETURNING provider
