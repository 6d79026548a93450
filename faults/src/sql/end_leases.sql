-- As if so much time had passed that whoever holds one is taken for dead.
WITH calls AS (
    UPDATE process.calls SET leased_until = NULL WHERE leased_until IS NOT NULL
)
UPDATE process.webhooks SET leased_until = NULL WHERE leased_until IS NOT NULL
