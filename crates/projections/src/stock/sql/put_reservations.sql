INSERT INTO stock_reservations (stream_id, order_id, quantity, expires_at)
SELECT stream_id, order_id, quantity, expires_at
FROM UNNEST($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[])
    AS reservation (stream_id, order_id, quantity, expires_at)
