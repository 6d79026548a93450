-- What was put off is due; how many calls and webhooks are still to be settled. Webhooks about payments that nobody here
-- knows stay parked.
WITH calls AS (
    UPDATE process.calls SET next_attempt_at = now() WHERE leased_until IS NULL RETURNING 1
),
webhooks AS (
    UPDATE process.webhooks SET next_attempt_at = now() WHERE leased_until IS NULL AND state = 'received' RETURNING 1
)
SELECT (SELECT count(*) FROM process.calls) + (SELECT count(*) FROM process.webhooks WHERE state = 'received')
