SELECT
    provider,
    state,
    count(*) AS "open!",
    extract(epoch FROM now() - min(received_at))::float8 AS "oldest_seconds!"
FROM process.webhooks
WHERE state <> 'settled'
GROUP BY provider, state
