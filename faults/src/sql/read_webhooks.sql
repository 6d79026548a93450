SELECT event_id, state, coalesce(last_error, '')
FROM process.webhooks
