-- Two nodes may make a key for one person at once: the first stands, and both read that one.
INSERT INTO vault.keys (subject, wrapped_key, master_key)
VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT keys_pkey DO NOTHING
