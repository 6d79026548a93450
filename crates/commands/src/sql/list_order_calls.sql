SELECT provider, kind, payment_id, requested_at, attempts, next_attempt_at, last_error
FROM process.calls
WHERE subject = $1
ORDER BY position
