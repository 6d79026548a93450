SELECT pg_advisory_unlock(28254671641472875) AS "released!"
