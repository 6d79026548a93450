DELETE FROM process.webhooks
WHERE (provider, event_id) IN (
    SELECT provider, event_id
    FROM process.webhooks
    WHERE state = 'settled' AND settled_at < now() - make_interval(days => $1)
    LIMIT $2
)
