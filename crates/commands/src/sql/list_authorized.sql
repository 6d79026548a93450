-- By the index of authorisations, and each payment's first event by its key: as many rows as there were payments in this time,
-- however long the book. LIMIT keeps it so: as a join, it would be one over the whole book where that is thought to be cheap.
SELECT authorized.stream_id, authorized.payload ->> 'provider_reference' AS "reference!"
FROM book.events AS authorized
CROSS JOIN LATERAL (
    SELECT first.payload
    FROM book.events AS first
    WHERE first.category = 'payment' AND first.stream_id = authorized.stream_id AND first.stream_version = 1
    LIMIT 1
) AS initiated
WHERE authorized.event_type = 'payment.authorized'
    AND authorized.recorded_at >= $2
    AND authorized.recorded_at < $3
    AND initiated.payload ->> 'provider' = $1
ORDER BY authorized.position
