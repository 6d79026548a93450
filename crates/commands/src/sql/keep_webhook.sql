-- On the disk before it is answered, unlike the rest that is kept here: whoever sent it does not send it again. A repeat
-- changes nothing.
WITH durable AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'on', true)
)
INSERT INTO process.webhooks (provider, event_id, event_type, reference, received_at)
SELECT $1, $2, $3, $4, $5
FROM durable
ON CONFLICT ON CONSTRAINT webhooks_pkey DO NOTHING
