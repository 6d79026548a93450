UPDATE returns
SET
    status = change.status,
    rejection = COALESCE(change.rejection, returns.rejection),
    received = COALESCE(change.received, returns.received),
    amount = COALESCE(change.amount, returns.amount),
    decided_at = COALESCE(change.decided_at, returns.decided_at),
    received_at = COALESCE(change.received_at, returns.received_at)
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::json[], $6::bigint[], $7::timestamptz[], $8::timestamptz[]
) AS change (order_id, id, status, rejection, received, amount, decided_at, received_at)
WHERE returns.order_id = change.order_id
    AND returns.id = change.id
