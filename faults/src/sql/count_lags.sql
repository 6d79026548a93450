-- Everything that follows the book, and how far it is behind; of the processes also what they have set aside.
WITH head AS (
    SELECT max(position) AS position FROM book.events
)
SELECT 'projection ' || checkpoints.schema_name AS follower, head.position - checkpoints.position AS lag
FROM projection.checkpoints, head
UNION ALL
SELECT 'process ' || checkpoints.process, head.position - checkpoints.position
FROM process.checkpoints, head
UNION ALL
SELECT 'a stream set aside by ' || parked.process, head.position - parked.position + 1
FROM process.parked, head
