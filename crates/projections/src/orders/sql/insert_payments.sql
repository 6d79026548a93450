INSERT INTO payments (
    id, order_id, status, amount, authorized, captured, refunded, currency, provider, method, action_url, failure,
    ledger, initiated_at, created_at, updated_at, version
)
SELECT
    id, order_id, status, amount, authorized, captured, 0, currency, provider, method, action_url, failure,
    ledger, initiated_at, created_at, updated_at, version
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::json[], $13::bigint[], $14::timestamptz[], $15::timestamptz[], $16::bigint[]
) AS payment (
    id, order_id, status, amount, authorized, captured, currency, provider, method, action_url, failure, ledger,
    initiated_at, created_at, updated_at, version
)
