SELECT
    progress.position AS "position!",
    progress.lag_ms AS "lag_ms!",
    EXISTS (
        SELECT FROM projection.parked WHERE parked.schema_name = $1 AND parked.stream_id = $2
    ) AS "is_incomplete!",
    (
        SELECT to_json(cart)
        FROM (
            SELECT
                id, status, currency, customer_id, guest, order_id, merged_into, opened_at, updated_at, version,
                (
                    SELECT COALESCE(json_agg(line), '[]')
                    FROM (
                        SELECT sku, name, quantity, unit_price
                        FROM cart_lines
                        WHERE cart_lines.cart_id = carts.id
                        ORDER BY added_at
                    ) AS line
                ) AS lines
            FROM carts
            WHERE id = $2
        ) AS cart
    ) AS "cart: Json<CartRow>"
FROM projection.progress
WHERE progress.schema_name = $1
