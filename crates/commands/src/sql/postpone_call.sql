UPDATE process.calls
SET next_attempt_at = now() + make_interval(secs => $2), leased_until = NULL, last_error = $3
WHERE position = $1
