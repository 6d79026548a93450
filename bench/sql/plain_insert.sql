INSERT INTO events (stream_version, schema_version, stream_id, category, event_type, payload, metadata)
VALUES ($1, $2, $3, 'cart', $4, $5::json, $6::json)
