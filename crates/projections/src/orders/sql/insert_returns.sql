INSERT INTO returns (
    order_id, id, status, reason, rejection, lines, received, amount, requested_at, decided_at, received_at, created_at
)
SELECT
    order_id, id, status, reason, rejection, lines, received, amount, requested_at, decided_at, received_at, created_at
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::json[], $7::json[], $8::bigint[], $9::timestamptz[],
    $10::timestamptz[], $11::timestamptz[], $12::bigint[]
) AS goods_return (
    order_id, id, status, reason, rejection, lines, received, amount, requested_at, decided_at, received_at, created_at
)
