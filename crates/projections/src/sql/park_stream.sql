INSERT INTO projection.parked (schema_name, stream_id, category, stream_version, position, reason, parked_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
