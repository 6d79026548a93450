-- One node at a time, and none before its time; but one whose node has died on the way is begun anew sooner.
INSERT INTO process.reconciliations (provider, started_at)
VALUES ($1, now())
ON CONFLICT ON CONSTRAINT reconciliations_pkey DO UPDATE
SET started_at = now(), finished_at = NULL, last_error = NULL
WHERE
    reconciliations.started_at <= now() - make_interval(secs => $2)
    OR (
        reconciliations.finished_at IS NULL
        AND reconciliations.last_error IS NULL
        AND reconciliations.started_at <= now() - make_interval(secs => $3)
    )
RETURNING provider
