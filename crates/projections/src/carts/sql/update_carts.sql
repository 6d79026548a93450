UPDATE carts
SET
    customer_id = COALESCE(change.customer_id, carts.customer_id),
    guest = carts.guest AND change.customer_id IS NULL,
    status = COALESCE(change.status, carts.status),
    order_id = COALESCE(change.order_id, carts.order_id),
    merged_into = COALESCE(change.merged_into, carts.merged_into),
    updated_at = change.updated_at,
    version = change.version
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::bigint[]
) AS change (id, customer_id, status, order_id, merged_into, updated_at, version)
WHERE carts.id = change.id
