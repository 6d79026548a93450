-- The attempt is the fence: a worker whose lease ended does not give away the claim of the one that came after it.
UPDATE process.calls
SET next_attempt_at = now() + make_interval(secs => $3), leased_until = NULL, last_error = $4
WHERE position = $1 AND attempts = $2
