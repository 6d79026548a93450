-- Who holds the positions of a batch that conflicted: its last page with our hash means that the batch is ours and whole.
SELECT
    EXISTS (SELECT FROM book.events WHERE position = $1) AS "first_is_taken!",
    EXISTS (SELECT FROM book.events WHERE position = $2 AND hash = $3) AS "last_is_ours!"
