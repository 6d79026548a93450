SELECT stream_id AS book_id, recorded_at AS opened_at, hash AS "hash: [u8; 32]", payload AS "payload: RawJson"
FROM book.events
WHERE position = 0
