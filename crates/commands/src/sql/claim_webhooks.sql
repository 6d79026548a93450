UPDATE process.webhooks
SET attempts = attempts + 1, leased_until = now() + make_interval(secs => $3)
WHERE (provider, event_id) IN (
    SELECT provider, event_id
    FROM process.webhooks
    WHERE provider = $1
        AND state <> 'settled'
        AND next_attempt_at <= now()
        AND (leased_until IS NULL OR leased_until < now())
    ORDER BY next_attempt_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING event_id, event_type, reference, received_at, attempts
