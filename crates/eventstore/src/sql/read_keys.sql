SELECT
    stored.scope,
    stored.key,
    stored.fingerprint AS "fingerprint: [u8; 32]",
    stored.outcome AS "outcome: RawJson",
    stored.position
FROM UNNEST($1::text[], $2::text[]) AS wanted (scope, key)
JOIN book.idempotency AS stored ON stored.scope = wanted.scope AND stored.key = wanted.key
