SELECT count(*)
FROM process.deadlines
WHERE kind = 'pending_order'
