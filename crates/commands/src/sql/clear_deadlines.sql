DELETE FROM process.deadlines AS deadline
USING UNNEST($2::text[], $3::uuid[]) AS cleared (kind, subject)
WHERE deadline.process = $1 AND deadline.kind = cleared.kind AND deadline.subject = cleared.subject
