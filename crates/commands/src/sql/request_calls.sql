INSERT INTO process.calls (position, idempotency_key, process, kind, subject, payment_id, correlation_id, requested_at)
SELECT position, idempotency_key, $1, kind, subject, payment_id, correlation_id, requested_at
FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::timestamptz[])
    AS c (position, idempotency_key, kind, subject, payment_id, correlation_id, requested_at)
ON CONFLICT ON CONSTRAINT calls_pkey DO NOTHING
