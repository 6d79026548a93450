SELECT position, hash AS "hash: [u8; 32]", recorded_at
FROM book.events
ORDER BY position DESC
LIMIT 1
