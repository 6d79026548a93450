INSERT INTO process.parked (process, category, stream_id, position, reason)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT parked_pkey DO UPDATE
SET position = EXCLUDED.position, reason = EXCLUDED.reason, parked_at = EXCLUDED.parked_at, resume = false
