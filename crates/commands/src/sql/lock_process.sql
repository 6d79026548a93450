-- Whoever holds the row and is not heard of any more (a node that was cut off, or stopped) loses it to another node.
SELECT
    position,
    hash,
    set_config('idle_in_transaction_session_timeout', $2, true) AS "idle_limit!"
FROM process.checkpoints
WHERE process = $1
FOR UPDATE SKIP LOCKED
