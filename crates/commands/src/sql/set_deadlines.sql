INSERT INTO process.deadlines (process, kind, subject, due_at)
SELECT $1, kind, subject, due_at
FROM UNNEST($2::text[], $3::uuid[], $4::timestamptz[]) AS d (kind, subject, due_at)
ON CONFLICT ON CONSTRAINT deadlines_pkey DO UPDATE SET due_at = EXCLUDED.due_at
