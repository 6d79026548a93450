SELECT provider, event_id, event_type, received_at, settled_at AS "set_aside_at!", set_aside AS "reason!"
FROM process.webhooks
WHERE set_aside IS NOT NULL
ORDER BY settled_at DESC
LIMIT $1
