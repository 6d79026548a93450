-- Only to a page of the book that is in this database: what was read before a failover may have been lost by it.
UPDATE projection.checkpoints
SET
    position = $4,
    hash = $5,
    state = 'running',
    reason = NULL,
    updated_at = clock_timestamp()
WHERE schema_name = $1
    AND position = $2
    AND hash = $3
    AND EXISTS (SELECT FROM book.events WHERE events.position = $4 AND events.hash = $5)
