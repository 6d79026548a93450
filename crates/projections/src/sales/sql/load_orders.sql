SELECT
    order_id,
    currency,
    country,
    day,
    owed,
    lines AS "lines: Json<Vec<SoldLine>>",
    refunds AS "refunds: Json<Refunds>"
FROM sales_orders
WHERE order_id = ANY($1)
