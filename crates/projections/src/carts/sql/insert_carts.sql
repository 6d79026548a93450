INSERT INTO carts (
    id, customer_id, guest, currency, status, order_id, merged_into, opened_at, updated_at, version
)
SELECT id, customer_id, guest, currency, status, order_id, merged_into, opened_at, updated_at, version
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::timestamptz[],
    $9::timestamptz[], $10::bigint[]
) AS cart (id, customer_id, guest, currency, status, order_id, merged_into, opened_at, updated_at, version)
