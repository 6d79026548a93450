SELECT
    id,
    order_id,
    amount,
    currency,
    provider,
    method,
    action_url,
    ledger AS "ledger: Json<Ledger>",
    initiated_at,
    created_at,
    updated_at,
    version
FROM payments
WHERE order_id = ANY($1)
