INSERT INTO projection.checkpoints (schema_name, tables_hash, position, hash, state, updated_at)
SELECT
    $1,
    sha256(convert_to($2, 'UTF8')),
    title.position,
    title.hash,
    'running',
    clock_timestamp()
FROM book.events AS title
WHERE title.position = 0
