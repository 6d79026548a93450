UPDATE sales_orders
SET
    day = change.day,
    owed = change.owed,
    lines = COALESCE(change.lines, sales_orders.lines),
    refunds = COALESCE(change.refunds, sales_orders.refunds)
FROM UNNEST($1::uuid[], $2::date[], $3::bigint[], $4::json[], $5::json[])
    AS change (order_id, day, owed, lines, refunds)
WHERE sales_orders.order_id = change.order_id
