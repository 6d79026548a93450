INSERT INTO conserved_orders (id, state, unsettled, since)
SELECT id, state, unsettled, since
FROM UNNEST($1::uuid[], $2::json[], $3::text[], $4::timestamptz[]) AS summed (id, state, unsettled, since)
ON CONFLICT ON CONSTRAINT conserved_orders_id_key DO UPDATE SET
    state = EXCLUDED.state,
    unsettled = EXCLUDED.unsettled,
    since = EXCLUDED.since
