INSERT INTO orders (
    id, number, status, payment_status, fulfillment_status, hold_reason, end_reason, customer_id, cart_id, currency,
    subtotal, shipping, tax, discount, total, shipping_address, email, country, ordered, cancelled, shipped, delivered,
    returned, created_at, confirmed_at, completed_at, updated_at, version, imported_from, imported_reference,
    imported_refunds, awaits_stock
)
SELECT
    id, number, status, payment_status, fulfillment_status, hold_reason, end_reason, customer_id, cart_id, currency,
    subtotal, shipping, tax, discount, total, shipping_address, email, country, ordered, cancelled, shipped, delivered,
    returned, created_at, confirmed_at, completed_at, updated_at, version, imported_from, imported_reference,
    imported_refunds, awaits_stock
FROM UNNEST(
    $1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::uuid[],
    $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::json[], $17::json[],
    $18::text[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[], $24::timestamptz[],
    $25::timestamptz[], $26::timestamptz[], $27::timestamptz[], $28::bigint[], $29::text[], $30::text[], $31::bigint[],
    $32::boolean[]
) AS created (
    id, number, status, payment_status, fulfillment_status, hold_reason, end_reason, customer_id, cart_id, currency,
    subtotal, shipping, tax, discount, total, shipping_address, email, country, ordered, cancelled, shipped, delivered,
    returned, created_at, confirmed_at, completed_at, updated_at, version, imported_from, imported_reference,
    imported_refunds, awaits_stock
)
