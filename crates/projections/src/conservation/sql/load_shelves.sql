SELECT id, state AS "state: Json<Shelf>"
FROM conserved_shelves
WHERE id = ANY($1)
