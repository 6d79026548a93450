DELETE FROM stock_reservations
USING UNNEST($1::uuid[], $2::uuid[]) AS taken (stream_id, order_id)
WHERE stock_reservations.stream_id = taken.stream_id
    AND stock_reservations.order_id = taken.order_id
RETURNING
    stock_reservations.stream_id,
    stock_reservations.order_id,
    stock_reservations.quantity,
    stock_reservations.expires_at
