SELECT provider, event_id, event_type, reference, state, received_at, attempts, last_error
FROM process.webhooks
WHERE state <> 'settled' AND last_error IS NOT NULL
ORDER BY received_at
LIMIT $1
