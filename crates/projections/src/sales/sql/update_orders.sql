UPDATE sales_orders
SET
    day = change.day,
    lines = COALESCE(change.lines, sales_orders.lines)
FROM UNNEST($1::uuid[], $2::date[], $3::json[]) AS change (order_id, day, lines)
WHERE sales_orders.order_id = change.order_id
