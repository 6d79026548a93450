SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    EXISTS (
        SELECT FROM projection.parked WHERE parked.schema_name = $1 AND parked.stream_id = $2
    ) AS "is_incomplete!",
    (
        SELECT to_json(payment)
        FROM (
            SELECT
                payments.id, payments.order_id, payments.status, payments.amount, payments.authorized,
                payments.captured, payments.refunded, payments.currency, payments.provider, payments.method,
                payments.action_url, payments.failure, payments.created_at, payments.updated_at, payments.version,
                orders.customer_id
            FROM payments
            LEFT JOIN orders ON orders.id = payments.order_id
            WHERE payments.id = $2
        ) AS payment
    ) AS "payment: Json<PaymentJson>"
FROM projection.progress
WHERE progress.schema_name = $1
