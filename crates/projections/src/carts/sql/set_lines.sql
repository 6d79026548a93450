UPDATE cart_lines
SET
    quantity = COALESCE(change.quantity, cart_lines.quantity),
    unit_price = change.unit_price
FROM UNNEST($1::uuid[], $2::text[], $3::bigint[], $4::bigint[]) AS change (cart_id, sku, quantity, unit_price)
WHERE cart_lines.cart_id = change.cart_id
    AND cart_lines.sku = change.sku
