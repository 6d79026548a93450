SELECT
    checkpoint.process,
    checkpoint.position,
    checkpoint.failing,
    (
        SELECT GREATEST(0, event.position - checkpoint.position)
        FROM book.events AS event
        ORDER BY event.position DESC
        LIMIT 1
    ) AS "behind!",
    (SELECT count(*) FROM process.deadlines AS deadline WHERE deadline.process = checkpoint.process) AS "deadlines!",
    (SELECT min(due_at) FROM process.deadlines AS deadline WHERE deadline.process = checkpoint.process) AS next_due_at,
    (SELECT count(*) FROM process.calls AS call WHERE call.process = checkpoint.process) AS "calls!",
    (
        SELECT call.last_error
        FROM process.calls AS call
        WHERE call.process = checkpoint.process AND call.last_error IS NOT NULL
        ORDER BY call.position
        LIMIT 1
    ) AS call_error
FROM process.checkpoints AS checkpoint
