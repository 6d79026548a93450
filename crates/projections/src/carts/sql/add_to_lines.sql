INSERT INTO cart_lines (cart_id, sku, name, quantity, unit_price, added_at)
SELECT cart_id, sku, name, quantity, unit_price, added_at
FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS line (cart_id, sku, name, quantity, unit_price, added_at)
ON CONFLICT ON CONSTRAINT cart_lines_sku_key DO UPDATE SET
    name = EXCLUDED.name,
    quantity = cart_lines.quantity + EXCLUDED.quantity,
    unit_price = EXCLUDED.unit_price
