INSERT INTO shipments (order_id, id, lines, units, carrier, tracking, dispatched_at, delivered_at, created_at)
SELECT order_id, id, lines, units, carrier, tracking, dispatched_at, delivered_at, created_at
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::json[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[],
    $9::bigint[]
) AS shipment (order_id, id, lines, units, carrier, tracking, dispatched_at, delivered_at, created_at)
