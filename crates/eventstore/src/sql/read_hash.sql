SELECT hash AS "hash: [u8; 32]"
FROM book.events
WHERE position = $1
