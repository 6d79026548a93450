UPDATE orders
SET
    status = life.status,
    payment_status = life.payment_status,
    fulfillment_status = life.fulfillment_status,
    hold_reason = life.hold_reason,
    awaits_stock = life.awaits_stock,
    end_reason = life.end_reason,
    imported_refunds = life.imported_refunds,
    cancelled = life.cancelled,
    shipped = life.shipped,
    delivered = life.delivered,
    returned = life.returned,
    confirmed_at = life.confirmed_at,
    completed_at = life.completed_at,
    updated_at = life.updated_at,
    version = life.version
FROM UNNEST(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::bigint[],
    $16::boolean[]
) AS life (
    id, status, payment_status, fulfillment_status, hold_reason, end_reason, cancelled, shipped, delivered, returned,
    confirmed_at, completed_at, updated_at, version, imported_refunds, awaits_stock
)
WHERE orders.id = life.id
