-- An order or a payment that is not there may be of any customer.
SELECT
FROM projection.parked
LEFT JOIN payments ON payments.id = parked.stream_id
LEFT JOIN orders ON orders.id = COALESCE(payments.order_id, parked.stream_id)
WHERE parked.schema_name = progress.schema_name
