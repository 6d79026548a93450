-- A deadline waits while a call for its subject is open: the answer may settle it.
SELECT kind, subject, due_at
FROM process.deadlines AS deadline
WHERE process = $1
  AND due_at <= $2
  AND NOT EXISTS (SELECT FROM process.calls AS call WHERE call.subject = deadline.subject)
ORDER BY due_at
LIMIT $3
