-- Only one that was looked into in vain: of the others nobody can know yet whose they are.
UPDATE process.webhooks
SET state = 'settled', settled_at = now(), leased_until = NULL, set_aside = $3
WHERE provider = $1 AND event_id = $2 AND state <> 'settled' AND last_error IS NOT NULL
