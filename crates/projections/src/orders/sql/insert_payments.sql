INSERT INTO payments (
    id, order_id, status, amount, authorized, captured, refunded, currency, provider, method, action_url, failure,
    ledger, initiated_at, created_at, updated_at, version
)
SELECT
    id, order_id, status, amount, authorized, captured, refunded, currency, provider, method, action_url, failure,
    ledger, initiated_at, created_at, updated_at, version
FROM UNNEST(
    $1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::text[], $13::json[], $14::bigint[], $15::timestamptz[], $16::timestamptz[],
    $17::bigint[]
) AS payment (
    id, order_id, status, amount, authorized, captured, refunded, currency, provider, method, action_url, failure,
    ledger, initiated_at, created_at, updated_at, version
)
