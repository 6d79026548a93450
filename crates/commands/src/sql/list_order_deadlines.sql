SELECT process, kind, subject, due_at
FROM process.deadlines
WHERE subject = ANY ($1)
ORDER BY due_at, process, kind
