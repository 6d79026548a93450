-- As if two days had passed since the last one.
UPDATE process.reconciliations
SET started_at = started_at - interval '2 days'
