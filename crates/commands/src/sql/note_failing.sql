UPDATE process.checkpoints
SET failing = $2
WHERE process = $1 AND failing IS DISTINCT FROM $2
