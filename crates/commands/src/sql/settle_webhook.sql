UPDATE process.webhooks
SET state = 'settled', settled_at = $3, leased_until = NULL, last_error = NULL, set_aside = NULL
WHERE provider = $1 AND event_id = $2
