-- A commit with nothing in it: it is answered once the synchronous standbys have it, and with it all that was written before.
-- Where there are none it costs a flush of the log. NULL, and no commit: a writer of this role has been waiting for the standbys
-- for longer than a stall of the network. A session that waits goes on waiting when its client gives up, so no other joins it.
SELECT
    CASE
        WHEN EXISTS (
            SELECT
            FROM pg_stat_activity
            WHERE usename = current_user
                AND application_name = 'daybook writer'
                AND wait_event = 'SyncRep'
                AND query_start < clock_timestamp() - interval '2 seconds'
        ) THEN NULL
        ELSE pg_logical_emit_message(true, 'daybook', '')::text
    END AS written_to
