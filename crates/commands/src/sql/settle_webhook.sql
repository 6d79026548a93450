UPDATE process.webhooks
SET state = 'settled', settled_at = now(), leased_until = NULL, last_error = NULL
WHERE provider = $1 AND event_id = $2
