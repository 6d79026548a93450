INSERT INTO conserved_shelves (id, state)
SELECT id, state
FROM UNNEST($1::uuid[], $2::json[]) AS shelf (id, state)
ON CONFLICT ON CONSTRAINT conserved_shelves_id_key DO UPDATE SET state = EXCLUDED.state
