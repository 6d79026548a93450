-- This one and no other: another may have taken its place since it was read.
DELETE FROM book.snapshots
WHERE category = $1 AND stream_id = $2 AND position = $3 AND hash = $4 AND checksum = $5
