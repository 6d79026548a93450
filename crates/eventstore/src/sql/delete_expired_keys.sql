DELETE FROM book.idempotency
WHERE (scope, key) IN (
    SELECT scope, key
    FROM book.idempotency
    WHERE expires_at <= $1
    ORDER BY expires_at
    LIMIT $2
)
