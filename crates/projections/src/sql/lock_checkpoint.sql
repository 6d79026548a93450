SELECT
    position,
    hash AS "hash: [u8; 32]",
    EXISTS (SELECT FROM projection.parked WHERE parked.schema_name = checkpoints.schema_name) AS "has_parked!"
FROM projection.checkpoints
WHERE schema_name = $1
FOR UPDATE SKIP LOCKED
