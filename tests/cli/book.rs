//! The subcommands that look at one book, or make it: `migrate`, `verify`, `processes`, `token`.

use std::fs;
use std::process::Stdio;

use chrono::Utc;
use eventstore::{NewEvent, StreamId, Writer};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use support::Database;
use support::append::AppendAfter;
use uuid::Uuid;

use super::program::{Done, Place, Running, ask, bearer, daybook, psql, run};

const EVENTS: i64 = 5;

/// A database that `daybook migrate` has made, with a few events.
async fn book() -> Database {
    let database = Database::empty().await;
    let migrated = migrate(&database);
    assert_eq!((migrated.code, migrated.stdout.as_str()), (Some(0), ""), "{}", migrated.stderr);
    let stream = StreamId::new("cart", Uuid::from_u128(1));
    let events: Vec<_> = (1..=EVENTS)
        .map(|stream_version| NewEvent {
            stream: stream.clone(),
            stream_version,
            event_type: "cart.item_removed".into(),
            schema_version: 1,
            payload: r#"{"sku":"MUG-BLUE"}"#.to_owned(),
            metadata: "{}".to_owned(),
        })
        .collect();
    let mut writer = Writer::connect(database.app_options()).await.unwrap();
    let seen = writer.head().await.unwrap();
    writer.append_after(&seen, Utc::now(), &events, &[]).await.unwrap();
    database
}

fn migrate(database: &Database) -> Done {
    run(daybook(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()))
}

fn verify(database: &Database, flags: &[&str]) -> Done {
    run(daybook(&["verify"]).args(flags).env("DATABASE_URL", database.app_url()))
}

async fn tamper(database: &Database, statement: &str) {
    let mut superuser = support::postgres::postgres().await.superuser(database.name()).connect().await.unwrap();
    let statements = format!("ALTER TABLE book.events DISABLE TRIGGER events_append_only; {statement}");
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut superuser).await.unwrap();
}

#[tokio::test]
async fn migrate_makes_a_book_once_and_only_as_the_owner() {
    let database = book().await;
    let before = psql(&database.owner_url(), "SELECT stream_id FROM book.events WHERE position = 0");
    let again = migrate(&database);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
    assert_eq!(psql(&database.owner_url(), "SELECT stream_id FROM book.events WHERE position = 0"), before);

    let another = Database::empty().await;
    let as_server = run(&mut daybook(&["migrate", "--owner-url", &another.app_url()]));
    assert_eq!(as_server.code, Some(1));
    assert!(as_server.stderr.starts_with("daybook: the migrations do not run: "), "{}", as_server.stderr);
    assert_eq!(as_server.stderr.lines().count(), 1, "{}", as_server.stderr);
}

#[tokio::test]
async fn verify_prints_a_head_that_can_be_expected_later() {
    let database = book().await;
    let verified = verify(&database, &[]);
    assert_eq!(verified.code, Some(0), "{}", verified.stderr);
    let lines: Vec<_> = verified.stdout.lines().collect();
    assert!(lines[0].starts_with("verified: 5 events, "), "{}", verified.stdout);
    let head = lines[1].strip_prefix("head: ").unwrap();
    assert!(head.starts_with("5:") && head.len() == 66, "{head}");
    assert_eq!(verify(&database, &["--expect", head]).code, Some(0));
    assert_eq!(
        verify(&database, &["--from", "2", "--to", "4"]).stdout.lines().next().unwrap().split(',').next(),
        Some("verified: 3 events")
    );

    // The end is cut off: what is left is whole in itself, and only what was noted shows it.
    tamper(&database, "DELETE FROM book.events WHERE position = 5").await;
    assert_eq!(verify(&database, &[]).code, Some(0));
    let cut = verify(&database, &["--expect", head]);
    assert_eq!(cut.code, Some(1));
    assert!(cut.stderr.starts_with("daybook: position 5: is missing"), "{}", cut.stderr);
}

#[tokio::test]
async fn verify_names_the_first_bad_position() {
    let database = book().await;
    tamper(&database, "UPDATE book.events SET payload = '{\"sku\":\"MUG-RED\"}' WHERE position IN (3, 4)").await;
    let found = verify(&database, &[]);
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), ""));
    let line = "daybook: position 3: its hash does not follow from its content and the page before it\n";
    assert_eq!(found.stderr, line);
}

#[tokio::test]
async fn processes_shows_each_with_what_is_open_and_why_it_fails() {
    let database = book().await;
    let shown = || run(daybook(&["processes"]).env("DATABASE_URL", database.app_url()));
    let table = shown();
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    let rows: Vec<_> = table.stdout.lines().map(|row| row.split_whitespace().next().unwrap()).collect();
    assert_eq!(rows, ["process", "payment", "fulfilment", "expiry", "carts", "coverage", "locations"]);
    assert!(table.stdout.contains("its first run"), "{}", table.stdout);

    let title = "SELECT hash FROM book.events WHERE position = 2";
    let statements = format!(
        "INSERT INTO process.checkpoints (process, position, hash, failing) VALUES ('expiry', 2, ({title}), 'no room');
         INSERT INTO process.deadlines (process, kind, subject, due_at)
         VALUES ('expiry', 'order', '{}', '2026-11-21T12:00:00Z')",
        Uuid::from_u128(7)
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&database.app).await.unwrap();
    let table = shown().stdout;
    let row: Vec<_> = table.lines().find(|row| row.starts_with("expiry")).unwrap().split_whitespace().collect();
    assert_eq!(row[..7], ["expiry", "2", "3", "1", "2026-11-21", "12:00:00", "0"]);
    assert!(table.ends_with("\nexpiry does not go on: no room\n"), "{table}");
}

#[tokio::test]
async fn a_stream_that_a_process_has_set_aside_is_shown_and_resumed_by_hand() {
    let database = book().await;
    let statements = "INSERT INTO process.checkpoints (process, position, hash)
                          SELECT 'payment', position, hash FROM book.events WHERE position = 2;
                      INSERT INTO process.parked (process, category, stream_id, position, reason)
                          SELECT 'payment', category, stream_id, position, 'it panics' FROM book.events WHERE position = 1";
    sqlx::raw_sql(statements).execute(&database.app).await.unwrap();
    let shown = |arguments: &[&str]| {
        run(daybook(&[&["processes"], arguments].concat()).env("DATABASE_URL", database.app_url()))
    };
    let name = format!("payment/cart-{}", Uuid::from_u128(1));
    let table = shown(&[]).stdout;
    assert!(table.contains("aside at 1,") && table.contains("it panics") && table.contains(&name), "{table}");
    let wanted = async || -> bool {
        let read = "SELECT resume FROM process.parked";
        sqlx::query_scalar(read).fetch_one(&database.app).await.unwrap()
    };
    assert!(!wanted().await);
    let other = shown(&["--resume", "fulfilment/cart-00000000-0000-0000-0000-000000000001"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(!wanted().await);
    assert_eq!(shown(&["--resume", &name]).code, Some(0));
    assert!(wanted().await);
    let unreadable = shown(&["--resume", "cart-1"]);
    assert!(unreadable.code == Some(2) && unreadable.stderr.contains("payment/payment-"), "{unreadable:?}");
}

#[test]
fn the_book_of_a_running_dev_is_found_without_a_url() {
    let place = Place::new();
    let dev = Running::dev(&place, &["--no-demo"]);
    let verified = run(daybook(&["verify"]).current_dir(place.path()));
    assert!(verified.stdout.starts_with("verified: 0 events"), "{verified:?}");
    let data = place.data();
    let processes = run(&mut daybook(&["processes", "--data", data.to_str().unwrap()]));
    assert!(processes.stdout.contains("payment") && processes.code == Some(0), "{processes:?}");
    // Whoever reads it may stop early.
    let mut token = daybook(&["token", "--role", "staff"]);
    let mut unread = token.current_dir(place.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(unread.stdout.take());
    let unread = Done::from(unread.wait_with_output().unwrap());
    assert_eq!((unread.code, unread.stderr.as_str()), (Some(0), ""));
    dev.stop();
}

#[test]
fn a_token_says_for_whom_and_how_long_and_is_taken() {
    let place = Place::new();
    let dev = Running::dev(&place, &["--no-demo"]);
    let token = |flags: &[&str]| {
        let done = run(daybook(&["token"]).args(flags).current_dir(place.path()));
        assert_eq!((done.code, done.stdout.lines().count()), (Some(0), 1), "{}", done.stderr);
        done.stdout.trim_end().to_owned()
    };
    let subject = Uuid::now_v7().to_string();
    let carts = format!("{}/v1/carts", dev.value("api"));
    let open = |token: &str| {
        let json = ["-H", "Content-Type: application/json", "-d", "{}"];
        ask(&carts, &[&["-H", &bearer(token)], &json[..]].concat())
    };
    let (status, cart) = open(&token(&["--role", "customer", "--subject", &subject, "--ttl", "2m"]));
    assert_eq!(status, 201, "{cart}");
    assert!(cart.contains(&subject), "{cart}");
    assert_eq!(open(&token(&["--role", "auditor"])).0, 403);
    // Made beside the server's back, with a key that is not its own.
    let other = Place::new();
    fs::create_dir(other.data()).unwrap();
    api::auth::signing::open_or_create_dev_key(&other.data()).unwrap();
    let foreign = run(daybook(&["token", "--role", "staff"]).current_dir(other.path())).stdout;
    assert_eq!(open(foreign.trim_end()).0, 401);
    dev.stop();
}
