SELECT scope, key, position
FROM book.idempotency
