INSERT INTO stock (
    stream_id, sku, location, on_hand, allocated, set_aside, low_stock_threshold, backorder_limit, safety_stock,
    priority, updated_at, version
)
SELECT
    stream_id, sku, location, on_hand, allocated, set_aside, low_stock_threshold, backorder_limit, safety_stock,
    priority, updated_at, version
FROM UNNEST(
    $1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::timestamptz[], $12::bigint[]
) AS place (
    stream_id, sku, location, on_hand, allocated, set_aside, low_stock_threshold, backorder_limit, safety_stock,
    priority, updated_at, version
)
