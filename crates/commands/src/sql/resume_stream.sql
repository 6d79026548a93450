-- Its process tries it again in its next round.
UPDATE process.parked
SET resume = true
WHERE process = $1 AND category = $2 AND stream_id = $3
