UPDATE payments
SET
    status = change.status,
    authorized = change.authorized,
    captured = change.captured,
    refunded = change.refunded,
    action_url = change.action_url,
    failure = change.failure,
    ledger = change.ledger,
    updated_at = change.updated_at,
    version = change.version
FROM UNNEST(
    $1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::json[],
    $9::timestamptz[], $10::bigint[]
) AS change (id, status, authorized, captured, refunded, action_url, failure, ledger, updated_at, version)
WHERE payments.id = change.id
