SELECT
    checkpoints.schema_name,
    checkpoints.position,
    checkpoints.state,
    checkpoints.reason,
    checkpoints.updated_at,
    progress.lag_ms AS "lag_ms!",
    (
        SELECT GREATEST(0, events.position - checkpoints.position)
        FROM book.events
        ORDER BY events.position DESC
        LIMIT 1
    ) AS "lag_events!",
    (SELECT count(*) FROM projection.parked WHERE parked.schema_name = checkpoints.schema_name) AS "parked_streams!"
FROM projection.checkpoints
JOIN projection.progress ON progress.schema_name = checkpoints.schema_name
