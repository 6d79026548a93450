SELECT pg_advisory_lock(28254671641472875)::text AS "claimed?"
