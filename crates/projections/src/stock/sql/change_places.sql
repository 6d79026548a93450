UPDATE stock
SET
    on_hand = stock.on_hand + change.on_hand,
    allocated = stock.allocated + change.allocated,
    set_aside = stock.set_aside + change.set_aside,
    low_stock_threshold = COALESCE(change.low_stock_threshold, stock.low_stock_threshold),
    backorder_limit = COALESCE(change.backorder_limit, stock.backorder_limit),
    safety_stock = COALESCE(change.safety_stock, stock.safety_stock),
    priority = COALESCE(change.priority, stock.priority),
    updated_at = change.updated_at,
    version = change.version
FROM UNNEST(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::timestamptz[], $10::bigint[]
) AS change (
    stream_id, on_hand, allocated, set_aside, low_stock_threshold, backorder_limit, safety_stock, priority,
    updated_at, version
)
WHERE stock.stream_id = change.stream_id
RETURNING stock.stream_id
