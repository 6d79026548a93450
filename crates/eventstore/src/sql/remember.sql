-- The head is still the page that was seen, and the time of the decisions is not ahead of this server's clock, or nothing
-- is kept.
WITH head AS (
    SELECT
    FROM book.events
    WHERE position = $1 AND hash = $2::bytea
        AND NOT EXISTS (SELECT FROM book.events WHERE position = $1 + 1)
        AND $9::timestamptz <= statement_timestamp() + interval '2 seconds'
),
keyed AS (
    INSERT INTO book.idempotency (scope, key, fingerprint, position, expires_at, outcome)
    SELECT keyed.scope, keyed.key, keyed.fingerprint, keyed.position, keyed.expires_at, keyed.outcome::json
    FROM UNNEST(
        $3::text[], $4::text[], $5::bytea[], $6::text[], $7::bigint[], $8::timestamptz[]
    ) AS keyed (scope, key, fingerprint, outcome, position, expires_at)
    WHERE EXISTS (SELECT FROM head)
)
SELECT
    EXISTS (SELECT FROM head) AS "is_head!",
    $9 <= statement_timestamp() + interval '2 seconds' AS "in_time!"
