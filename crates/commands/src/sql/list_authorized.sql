-- Reads the part of the book that was written in this time, and more of it where that is long ago: once a day at most.
SELECT authorized.stream_id, authorized.payload ->> 'provider_reference' AS "reference!"
FROM book.events AS authorized
INNER JOIN book.events AS initiated
    ON initiated.category = 'payment'
    AND initiated.stream_id = authorized.stream_id
    AND initiated.stream_version = 1
WHERE authorized.event_type = 'payment.authorized'
    AND authorized.recorded_at >= $2
    AND authorized.recorded_at < $3
    AND initiated.payload ->> 'provider' = $1
ORDER BY authorized.position
