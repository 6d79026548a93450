INSERT INTO order_lines (order_id, place, id, sku, name, quantity, unit_price, line_total, cancelled)
SELECT order_id, place, id, sku, name, quantity, unit_price, line_total, 0
FROM UNNEST(
    $1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[]
) AS line (order_id, place, id, sku, name, quantity, unit_price, line_total)
