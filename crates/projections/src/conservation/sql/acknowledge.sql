UPDATE violations
SET acknowledged_at = clock_timestamp()
WHERE position = $1
    AND acknowledged_at IS NULL
