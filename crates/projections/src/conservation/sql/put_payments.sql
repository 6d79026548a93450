INSERT INTO conserved_payments (id, state)
SELECT id, state
FROM UNNEST($1::uuid[], $2::json[]) AS ledger (id, state)
ON CONFLICT ON CONSTRAINT conserved_payments_id_key DO UPDATE SET state = EXCLUDED.state
