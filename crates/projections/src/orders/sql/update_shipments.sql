UPDATE shipments
SET
    carrier = COALESCE(change.carrier, shipments.carrier),
    tracking = COALESCE(change.tracking, shipments.tracking),
    dispatched_at = COALESCE(change.dispatched_at, shipments.dispatched_at),
    delivered_at = COALESCE(change.delivered_at, shipments.delivered_at)
FROM UNNEST($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
    AS change (order_id, id, carrier, tracking, dispatched_at, delivered_at)
WHERE shipments.order_id = change.order_id
    AND shipments.id = change.id
RETURNING
    shipments.order_id,
    shipments.units,
    change.delivered_at IS NOT NULL AS "is_delivered!"
