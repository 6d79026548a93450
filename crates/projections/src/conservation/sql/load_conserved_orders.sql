SELECT id, state AS "state: Json<Order>"
FROM conserved_orders
WHERE id = ANY($1)
