INSERT INTO process.checkpoints (process, position, hash)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING
