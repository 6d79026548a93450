UPDATE orders
SET shipping_address = change.shipping_address, country = change.country
FROM UNNEST($1::uuid[], $2::json[], $3::text[]) AS change (id, shipping_address, country)
WHERE orders.id = change.id
