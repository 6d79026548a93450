DELETE FROM cart_lines
USING UNNEST($1::uuid[], $2::text[]) AS gone (cart_id, sku)
WHERE cart_lines.cart_id = gone.cart_id
    AND cart_lines.sku = gone.sku
