-- Only of a page that is in the book. It takes the place of an older one, of one of another form of the state, and of one
-- whose page is not in the book any more.
INSERT INTO book.snapshots (
    position, stream_version, taken_at, state_version, stream_id, category, hash, checksum, state
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
WHERE EXISTS (SELECT FROM book.events WHERE position = $1 AND hash = $7)
ON CONFLICT ON CONSTRAINT snapshots_stream_key DO UPDATE SET
    position = excluded.position,
    stream_version = excluded.stream_version,
    taken_at = excluded.taken_at,
    state_version = excluded.state_version,
    hash = excluded.hash,
    checksum = excluded.checksum,
    state = excluded.state
WHERE
    snapshots.position < excluded.position
    OR snapshots.state_version <> excluded.state_version
    OR NOT EXISTS (
        SELECT FROM book.events AS page WHERE page.position = snapshots.position AND page.hash = snapshots.hash
    )
