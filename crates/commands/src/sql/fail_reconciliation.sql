-- It is due again before its time.
UPDATE process.reconciliations
SET started_at = now() - make_interval(secs => $2), last_error = $3
WHERE provider = $1
