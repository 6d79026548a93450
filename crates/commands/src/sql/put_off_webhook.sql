-- The attempt is the fence: a worker whose lease ended does not give away the claim of the one that came after it.
UPDATE process.webhooks
SET
    state = CASE WHEN $4 THEN 'parked' ELSE state END,
    next_attempt_at = now() + make_interval(secs => $5),
    leased_until = NULL,
    last_error = $6
WHERE provider = $1 AND event_id = $2 AND attempts = $3 AND state <> 'settled'
