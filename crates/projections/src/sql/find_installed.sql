SELECT tables_hash = sha256(convert_to($2, 'UTF8')) AS "is_the_same!"
FROM projection.checkpoints
WHERE schema_name = $1
