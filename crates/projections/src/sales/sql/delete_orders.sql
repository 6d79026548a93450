DELETE FROM sales_orders
WHERE order_id = ANY($1)
