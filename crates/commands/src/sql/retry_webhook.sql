-- At once, also one that was set aside.
UPDATE process.webhooks
SET
    state = CASE WHEN set_aside IS NULL THEN state ELSE 'parked' END,
    settled_at = NULL,
    set_aside = NULL,
    next_attempt_at = now()
WHERE provider = $1 AND event_id = $2 AND (state <> 'settled' OR set_aside IS NOT NULL)
