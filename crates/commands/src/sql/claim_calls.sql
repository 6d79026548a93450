-- A kind of call that only a newer release makes is left to it. Without a provider: those of providers that are not known
-- here, so that somebody says why nothing becomes of them.
UPDATE process.calls
SET attempts = attempts + 1, leased_until = now() + make_interval(secs => $2)
WHERE position IN (
    SELECT position
    FROM process.calls
    WHERE next_attempt_at <= now()
        AND (leased_until IS NULL OR leased_until < now())
        AND kind = ANY ($3::text[])
        AND CASE WHEN $4::text IS NULL THEN provider <> ALL ($5::text[]) ELSE provider = $4 END
    ORDER BY next_attempt_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
RETURNING position, idempotency_key, kind, payment_id, correlation_id, requested_at, attempts
