-- The sessions of the nodes: what each does, and for how long its transaction has stood idle.
SELECT
    state,
    application_name,
    CASE WHEN state LIKE 'idle in transaction%' THEN extract(epoch FROM clock_timestamp() - state_change)::float8 END
        AS idle_seconds
FROM pg_stat_activity
WHERE datname = current_database()
    AND usename = 'daybook_server'
    AND backend_type = 'client backend'
