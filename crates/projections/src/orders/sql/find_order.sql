SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    -- The order itself, or a payment of it; a payment that is not there may be of any order.
    EXISTS (
        SELECT
        FROM projection.parked
        LEFT JOIN payments ON payments.id = parked.stream_id
        WHERE parked.schema_name = $1
            AND CASE parked.category WHEN 'order' THEN parked.stream_id ELSE COALESCE(payments.order_id, $2) END = $2
    ) AS "is_incomplete!",
    (
        SELECT to_json(order_documents)
        FROM order_documents
        WHERE id = $2
    ) AS "found: Json<OrderRow>"
FROM projection.progress
WHERE progress.schema_name = $1
