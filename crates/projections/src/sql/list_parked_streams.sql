SELECT stream_id
FROM projection.parked
WHERE schema_name = $1
