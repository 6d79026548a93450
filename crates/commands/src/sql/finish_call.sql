DELETE FROM process.calls WHERE position = $1
