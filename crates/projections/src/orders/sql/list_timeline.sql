-- The order's own events and those of its payments, as far as the read model has posted them. One snapshot with its
-- position.
SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    EXISTS (
        SELECT
        FROM projection.parked
        LEFT JOIN payments ON payments.id = parked.stream_id
        WHERE parked.schema_name = $1
            AND CASE parked.category WHEN 'order' THEN parked.stream_id ELSE COALESCE(payments.order_id, $2) END = $2
    ) AS "is_incomplete!",
    EXISTS (SELECT FROM orders WHERE id = $2) AS "is_there!",
    (SELECT customer_id FROM orders WHERE id = $2) AS "customer_id?",
    (
        SELECT json_agg(entry)
        FROM (
            SELECT
                position,
                recorded_at AS at,
                event_type,
                stream_id,
                metadata -> 'actor' AS actor,
                payload -> 'amount' AS amount,
                payload ->> 'reason' AS reason,
                payload ->> 'code' AS code,
                payload ->> 'shipment_id' AS shipment_id
            FROM book.events
            WHERE (category, stream_id) IN (
                    SELECT 'order', $2
                    UNION ALL
                    SELECT 'payment', payments.id FROM payments WHERE payments.order_id = $2
                )
                AND events.position <= progress.position
            ORDER BY position
        ) AS entry
    ) AS "entries: Json<Vec<EntryRow>>"
FROM projection.progress
WHERE progress.schema_name = $1
