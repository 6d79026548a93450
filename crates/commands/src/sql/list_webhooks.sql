SELECT
    provider,
    event_id,
    event_type,
    state = 'parked' AS "parked!",
    received_at,
    attempts,
    last_error AS "reason!"
FROM process.webhooks
WHERE state <> 'settled' AND last_error IS NOT NULL
ORDER BY received_at
LIMIT $1
