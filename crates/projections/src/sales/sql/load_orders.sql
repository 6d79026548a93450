SELECT
    order_id,
    currency,
    country,
    day,
    lines AS "lines: Json<Vec<OpenLine>>"
FROM sales_orders
WHERE order_id = ANY($1)
