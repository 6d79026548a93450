UPDATE order_lines
SET cancelled = order_lines.cancelled + change.units
FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[]) AS change (order_id, line_id, units)
WHERE order_lines.order_id = change.order_id
    AND order_lines.id = change.line_id
