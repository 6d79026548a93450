SELECT
    id,
    order_id,
    status,
    amount,
    authorized,
    captured,
    refunded,
    currency,
    provider,
    method,
    action_url,
    failure,
    initiated_at,
    created_at,
    updated_at,
    version
FROM payments
WHERE order_id IN (
    SELECT order_id
    FROM payments
    WHERE id = ANY($1)
    UNION
    SELECT UNNEST($2::uuid[])
)
