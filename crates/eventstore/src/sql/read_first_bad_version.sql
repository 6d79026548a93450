-- The first event of a range that does not continue its stream: versions are 1, 2, 3, … in the order of positions.
-- Reads the index of streams in order; the memory it takes does not grow with the book.
SELECT position, category, stream_id, stream_version AS found, expected AS "expected!"
FROM (
    SELECT
        position,
        category,
        stream_id,
        stream_version,
        COALESCE(lag(stream_version) OVER stream, 0) + 1 AS expected
    FROM book.events
    WHERE position <= $2
    WINDOW stream AS (PARTITION BY category, stream_id ORDER BY position)
) AS event
WHERE stream_version <> expected AND position >= $1
ORDER BY position
LIMIT 1
