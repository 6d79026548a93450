DELETE FROM process.webhooks
WHERE (provider, event_id) IN (
    SELECT provider, event_id
    FROM process.webhooks
    WHERE state = 'settled' AND settled_at < $1
    LIMIT $2
)
