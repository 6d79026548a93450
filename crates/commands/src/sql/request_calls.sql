-- Whose the payment is stands in its first event. A page that is repeated asks for nothing twice.
INSERT INTO process.calls (
    position, idempotency_key, process, kind, subject, payment_id, correlation_id, requested_at, provider
)
SELECT
    c.position, c.idempotency_key, $1, c.kind, c.subject, c.payment_id, c.correlation_id, c.requested_at,
    event.payload ->> 'provider'
FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::uuid[], $8::timestamptz[])
    AS c (position, idempotency_key, kind, subject, payment_id, correlation_id, requested_at)
INNER JOIN book.events AS event
    ON event.category = 'payment' AND event.stream_id = c.payment_id AND event.stream_version = 1
ON CONFLICT ON CONSTRAINT calls_pkey DO NOTHING
