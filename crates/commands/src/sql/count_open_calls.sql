SELECT provider, count(*) AS "open!", extract(epoch FROM now() - min(requested_at))::float8 AS "oldest_seconds!"
FROM process.calls
GROUP BY provider
