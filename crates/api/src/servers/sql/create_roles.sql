-- The three roles of a Daybook database. The owner migrates; the server logs in as a member of daybook_app, to which
-- the migrations grant what the server may do, and owns nothing. CREATE ROLE takes no parameters: the passwords come
-- as settings of the session. Roles that exist keep their passwords.
DO $roles$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'daybook_app') THEN
        CREATE ROLE daybook_app NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'daybook_owner') THEN
        EXECUTE format('CREATE ROLE daybook_owner LOGIN PASSWORD %L', current_setting('daybook.owner_password'));
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'daybook_server') THEN
        EXECUTE format(
            'CREATE ROLE daybook_server LOGIN PASSWORD %L IN ROLE daybook_app',
            current_setting('daybook.server_password')
        );
    END IF;
END
$roles$;
