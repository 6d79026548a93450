SELECT event_type, schema_version, payload::text
FROM events
WHERE category = 'cart' AND stream_id = $1
ORDER BY stream_version
