-- What is open, and what somebody has set aside.
SELECT
    provider,
    CASE WHEN set_aside IS NULL THEN state ELSE 'set_aside' END AS "state!",
    count(*) AS "count!",
    extract(epoch FROM $1::timestamptz - min(received_at))::float8 AS "oldest_seconds!"
FROM process.webhooks
WHERE state <> 'settled' OR set_aside IS NOT NULL
GROUP BY provider, CASE WHEN set_aside IS NULL THEN state ELSE 'set_aside' END
