//! The plans of the statements, made at the worst moment: just after ANALYZE has seen an almost empty book.

use eventstore::session;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use support::Database;

use super::tamper;

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
