DELETE FROM projection.parked
WHERE schema_name = $1
    AND stream_id = $2
