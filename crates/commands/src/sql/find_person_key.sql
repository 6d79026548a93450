SELECT wrapped_key FROM vault.keys WHERE subject = $1
