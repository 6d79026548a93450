-- Ends the sessions of a database, and says how many there were.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = $1
    AND pid <> pg_backend_pid()
