//! The plans of the statements, made at the worst moment: just after ANALYZE has seen an almost empty book.

use commands::session::beside_the_book;
use eventstore::session;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use support::Database;

use super::tamper;

const AUTHORIZED: &str = include_str!("../../crates/commands/src/sql/list_authorized.sql");
const APPEND: &str = include_str!("../../crates/eventstore/src/sql/append.sql");
const APPEND_ARGUMENTS: &str = "0, '', now(), true, '{cart}', '{00000000-0000-0000-0000-000000000000}', '{1}',
    '{cart.opened}', '{1}', '{\"{}\"}', '{\"{}\"}', '{\"\\\\x00\"}', '{}', '{}', '{}', '{}', '{}', '{}'";

async fn analyzed() -> Database {
    let database = Database::fresh().await;
    tamper(&database, "ANALYZE book.events; ANALYZE book.idempotency").await;
    database
}

async fn generic_plan(connection: &mut PgConnection, statement: &str, arguments: &str) -> String {
    let prepare = format!("SET plan_cache_mode = force_generic_plan; PREPARE planned AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await.unwrap();
    let explain = format!("EXPLAIN EXECUTE planned ({arguments})");
    let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE planned").execute(connection).await.unwrap();
    lines.join("\n")
}

async fn append_plan(options: PgConnectOptions) -> String {
    generic_plan(&mut options.connect().await.unwrap(), APPEND, APPEND_ARGUMENTS).await
}

#[tokio::test]
async fn the_append_never_scans_the_book() {
    let database = analyzed().await;
    let plan = append_plan(session::writing(database.app_options())).await;
    assert!(!plan.contains("Seq Scan"), "{plan}");
    assert!(plan.contains("events_position_key"), "{plan}");
    // Without our settings it does: else this test would show nothing.
    let plan = append_plan(database.app_options()).await;
    assert!(plan.contains("Seq Scan on events"), "{plan}");
}

#[tokio::test]
async fn no_read_scans_the_book() {
    let database = analyzed().await;
    let mut connection = session::reading(database.app_options()).connect().await.unwrap();
    let statements = [
        (include_str!("../../crates/eventstore/src/sql/read_head.sql"), ""),
        (include_str!("../../crates/eventstore/src/sql/read_title.sql"), ""),
        (include_str!("../../crates/eventstore/src/sql/read_page.sql"), "0, 10"),
        (
            include_str!("../../crates/eventstore/src/sql/read_stream.sql"),
            "'cart', '00000000-0000-0000-0000-000000000000', 10",
        ),
        (include_str!("../../crates/eventstore/src/sql/read_streams.sql"), "'{}', '{}', 10"),
        (include_str!("../../crates/eventstore/src/sql/read_histories.sql"), "'{}', '{}', '{}', '{}', 10, 10"),
        (
            include_str!("../../crates/eventstore/src/sql/put_snapshot.sql"),
            "1, 1, now(), 1, '00000000-0000-0000-0000-000000000000', 'cart', '', '', ''",
        ),
        (
            include_str!("../../crates/eventstore/src/sql/delete_snapshot.sql"),
            "'cart', '00000000-0000-0000-0000-000000000000', 1, '', ''",
        ),
        (include_str!("../../crates/eventstore/src/sql/read_keys.sql"), "'{}', '{}'"),
        (include_str!("../../crates/eventstore/src/sql/read_after_append.sql"), "1, 2, ''"),
    ];
    for (statement, arguments) in statements {
        let statement_and_plan = match arguments {
            "" => {
                let explain = format!("EXPLAIN {statement}");
                let lines: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
                lines.join("\n")
            }
            arguments => generic_plan(&mut connection, statement, arguments).await,
        };
        assert!(!statement_and_plan.contains("Seq Scan"), "{statement}\n{statement_and_plan}");
    }
}

/// A shop of a month: all of its book is as young as what is asked for. Every hundredth event is an authorisation.
const A_MONTH_OF_SALES: &str = "
    INSERT INTO book.events (position, recorded_at, stream_version, schema_version, stream_id, category, event_type, hash,
        payload, metadata)
    SELECT number, now() - interval '30 days' + number * interval '1 minute', 1 + number % 100, 1,
        ('00000000-0000-0000-0000-' || lpad((number / 100)::text, 12, '0'))::uuid, 'payment',
        CASE number % 100 WHEN 0 THEN 'payment.initiated' WHEN 1 THEN 'payment.authorized' ELSE 'payment.reconciled' END,
        sha256(number::text::bytea), '{\"provider\": \"stripe\", \"provider_reference\": \"pi_1\"}', '{}'
    FROM generate_series(100, 40099) AS number;
    ANALYZE book.events";

/// With the settings that the processes have, which are those of the server.
#[tokio::test]
async fn the_authorisations_of_a_time_are_found_without_reading_the_book() {
    let database = Database::fresh().await;
    tamper(&database, A_MONTH_OF_SALES).await;
    let mut connection = beside_the_book(database.app_options()).connect().await.unwrap();
    let (from, until) = ("now() - interval '35 days'", "now()");
    let plan = generic_plan(&mut connection, AUTHORIZED, &format!("'stripe', {from}, {until}")).await;
    assert!(!plan.contains("Seq Scan"), "{plan}");
    assert!(plan.contains("events_authorized"), "{plan}");
    // Each authorisation, and the first event of its payment; nothing of the other thirty-nine thousand.
    let explain = format!(
        "EXPLAIN (ANALYZE, FORMAT JSON) {}",
        AUTHORIZED.replace("$1", "'stripe'").replace("$2", from).replace("$3", until)
    );
    let plan: serde_json::Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
    let mut read = Vec::new();
    rows_read(&plan[0]["Plan"], &mut read);
    assert_eq!(read, [("events".to_owned(), 400), ("events".to_owned(), 400)], "{plan:#}");
    // Without the index it would read everything: else this test would show nothing.
    tamper(&database, "DROP INDEX book.events_authorized").await;
    let plan = generic_plan(&mut connection, AUTHORIZED, &format!("'stripe', {from}, {until}")).await;
    assert!(plan.contains("Seq Scan"), "{plan}");
}

/// Of each table that is read, how many rows were looked at, those included that did not fit.
fn rows_read(plan: &serde_json::Value, read: &mut Vec<(String, u64)>) {
    let number = |field: &str| plan[field].as_f64().unwrap_or(0.0);
    if let Some(table) = plan["Relation Name"].as_str() {
        let rows = (number("Actual Rows") + number("Rows Removed by Filter")) * number("Actual Loops");
        read.push((table.to_owned(), rows as u64));
    }
    for part in plan["Plans"].as_array().into_iter().flatten() {
        rows_read(part, read);
    }
}
