-- A deadline waits while a call for its subject is open, and until the processes that might ask for one have read what
-- was recorded before it was due: what they find there may settle it.
SELECT kind, subject, due_at
FROM process.deadlines AS deadline
WHERE process = $1
    AND due_at <= $2
    AND NOT EXISTS (SELECT FROM process.calls AS call WHERE call.subject = deadline.subject)
    AND NOT EXISTS (
        SELECT
        FROM process.checkpoints AS other
        JOIN book.events AS reached ON reached.position = other.position
        WHERE other.process = ANY ($3::text[])
            AND other.position < $4
            AND reached.recorded_at < deadline.due_at
    )
ORDER BY due_at
LIMIT $5
