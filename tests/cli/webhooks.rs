//! `daybook webhooks`: what cannot be settled, looked into at once or set aside by hand.

use sqlx::AssertSqlSafe;
use support::Database;

use super::program::{Done, daybook, run};

/// One that was looked into in vain, one that was not looked into yet, and one that is settled.
async fn told() -> Database {
    let database = Database::fresh().await;
    let rows = "INSERT INTO process.webhooks
            (provider, event_id, event_type, reference, state, attempts, next_attempt_at, settled_at, last_error)
        VALUES
            ('stripe', 'evt_parked', 'charge.refunded', 'pi_1', 'parked', 7, now() + interval '9 minutes', NULL,
                'pi_1 was not opened by us'),
            ('stripe', 'evt_new', 'charge.refunded', 'pi_2', 'received', 0, now(), NULL, NULL),
            ('stripe', 'evt_settled', 'charge.refunded', 'pi_3', 'settled', 1, now(), now(), NULL)";
    sqlx::raw_sql(rows).execute(&database.app).await.unwrap();
    database
}

fn webhooks(database: &Database, arguments: &[&str]) -> Done {
    run(daybook(&[&["webhooks"], arguments].concat()).env("DATABASE_URL", database.app_url()))
}

async fn state(database: &Database) -> (String, Option<String>, bool) {
    let read = "SELECT state, set_aside, next_attempt_at <= now() FROM process.webhooks WHERE event_id = 'evt_parked'";
    sqlx::query_as(AssertSqlSafe(read)).fetch_one(&database.app).await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_settled_is_listed_tried_again_and_set_aside_with_a_reason() {
    let database = told().await;
    let listed = webhooks(&database, &[]);
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
    let line = "7 attempts: pi_1 was not opened by us\n";
    assert!(listed.stdout.starts_with("stripe/evt_parked  charge.refunded  parked since "), "{}", listed.stdout);
    assert!(listed.stdout.contains(line) && !listed.stdout.contains("evt_new"), "{}", listed.stdout);
    assert!(listed.stdout.contains("--set-aside PROVIDER/EVENT --reason TEXT"), "{}", listed.stdout);
    assert_eq!(state(&database).await, ("parked".to_owned(), None, false));

    assert_eq!(webhooks(&database, &["--retry", "stripe/evt_parked"]).code, Some(0));
    assert_eq!(state(&database).await, ("parked".to_owned(), None, true));

    let why = "of the other shop on this account";
    let done = webhooks(&database, &["--set-aside", "stripe/evt_parked", "--reason", why]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.starts_with("no webhook was looked into in vain\n"), "{}", done.stdout);
    assert!(
        done.stdout.contains("stripe/evt_parked") && done.stdout.ends_with(&format!(": {why}\n")),
        "{}",
        done.stdout
    );
    assert_eq!(state(&database).await, ("settled".to_owned(), Some(why.to_owned()), true));
    let processes = run(daybook(&["processes"]).env("DATABASE_URL", database.app_url()));
    assert!(!processes.stdout.contains("evt_"), "{}", processes.stdout);

    assert_eq!(webhooks(&database, &["--retry", "stripe/evt_parked"]).code, Some(0));
    assert_eq!(state(&database).await, ("parked".to_owned(), None, true));
}

#[tokio::test]
async fn a_webhook_that_cannot_be_meant_is_one_line_and_exit_code_2_and_changes_nothing() {
    let database = told().await;
    let (why, long) = (["--reason", "x"], "x".repeat(501));
    for (arguments, line) in [
        (
            &["--retry", "evt_parked"][..],
            "\"evt_parked\" is no webhook: name its provider and its event, such as stripe/evt_1NG8Du2eZvKYlo2C",
        ),
        (
            &["--retry", "stripe/"],
            "\"stripe/\" is no webhook: name its provider and its event, such as stripe/evt_1NG8Du2eZvKYlo2C",
        ),
        (&["--retry", "stripe/evt_nobody"], "no webhook stripe/evt_nobody is open or set aside"),
        (&["--retry", "stripe/evt_settled"], "no webhook stripe/evt_settled is open or set aside"),
        (&["--retry", "simulated/evt_parked"], "no webhook simulated/evt_parked is open or set aside"),
        (&["--set-aside", "stripe/evt_parked"], "say why it is set aside: --reason TEXT"),
        (&["--set-aside", "stripe/evt_parked", "--reason", ""], "a reason is text of 1 to 500 characters"),
        (&["--set-aside", "stripe/evt_parked", "--reason", &long], "a reason is text of 1 to 500 characters"),
        (&["--set-aside", "stripe/evt_new", why[0], why[1]], "no webhook stripe/evt_new was looked into in vain"),
        (
            &["--set-aside", "stripe/evt_settled", why[0], why[1]],
            "no webhook stripe/evt_settled was looked into in vain",
        ),
        (&why, "--reason goes with --set-aside"),
        (&["--retry", "stripe/evt_parked", why[0], why[1]], "--reason goes with --set-aside"),
    ] {
        let done = webhooks(&database, arguments);
        assert_eq!((done.code, done.stderr), (Some(2), format!("daybook: {line}\n")), "{arguments:?}");
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
    let both = webhooks(&database, &["--retry", "stripe/evt_parked", "--set-aside", "stripe/evt_parked"]);
    assert_eq!(both.code, Some(2));
    assert_eq!(state(&database).await, ("parked".to_owned(), None, false));
}
