SELECT id, state AS "state: Json<Payment>"
FROM conserved_payments
WHERE id = ANY($1)
