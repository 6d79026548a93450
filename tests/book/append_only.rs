//! What the database itself refuses: the server's role may read and insert, and not even the owner changes what is
//! written.

use eventstore::Position;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use support::Database;

use super::{all, book_of, check_whole, superuser};

const INSUFFICIENT_PRIVILEGE: &str = "42501";
const APPEND_ONLY: &str = "DB001";

const CHANGES: [&str; 6] = [
    "UPDATE book.events SET payload = '{}' WHERE position = 1",
    // No row is touched, and it is refused all the same.
    "UPDATE book.events SET payload = '{}' WHERE false",
    "DELETE FROM book.events WHERE position = 1",
    "DELETE FROM book.events WHERE false",
    "TRUNCATE book.events",
    "INSERT INTO book.events SELECT * FROM book.events WHERE position = 1
     ON CONFLICT ON CONSTRAINT events_position_key DO UPDATE SET payload = '{}'",
];

const DROPS: [&str; 8] = [
    "DROP TABLE book.events",
    "DROP SCHEMA book CASCADE",
    "DROP TRIGGER events_append_only ON book.events",
    "DROP FUNCTION book.refuse_change() CASCADE",
    "ALTER TABLE book.events DISABLE TRIGGER ALL",
    "ALTER TABLE book.events DROP CONSTRAINT events_position_key",
    "CREATE TABLE book.mine (id int)",
    "SET ROLE daybook_owner",
];

async fn sqlstate(connection: &mut PgConnection, statement: &str) -> String {
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await {
        Ok(_) => "none".to_owned(),
        Err(error) => error.as_database_error().unwrap().code().unwrap().into_owned(),
    }
}

pub(super) async fn check_all(pool: &PgPool, statements: &[&str], expected: &str) {
    let mut connection = pool.acquire().await.unwrap();
    for statement in statements {
        assert_eq!(sqlstate(&mut connection, statement).await, expected, "{statement}");
    }
}

#[tokio::test]
async fn the_servers_role_cannot_change_or_drop_the_book() {
    let (database, book) = book_of(2).await;
    let before = all(&book).await.len();
    check_all(&database.app, &CHANGES, INSUFFICIENT_PRIVILEGE).await;
    check_all(&database.app, &DROPS, INSUFFICIENT_PRIVILEGE).await;
    assert_eq!(all(&book).await.len(), before);
    check_whole(&book, 2).await;
}

#[tokio::test]
async fn the_servers_role_cannot_change_a_key_and_may_delete_it() {
    let database = Database::fresh().await;
    check_all(&database.app, &["UPDATE book.idempotency SET key = ''", "TRUNCATE book.idempotency"], "42501").await;
    check_all(&database.app, &["DELETE FROM book.idempotency"], "none").await;
}

#[tokio::test]
async fn the_owner_is_stopped_by_the_trigger() {
    let (database, book) = book_of(2).await;
    check_all(&database.owner, &CHANGES, APPEND_ONLY).await;
    check_whole(&book, 2).await;
}

#[tokio::test]
async fn the_trigger_fires_in_a_session_that_applies_replication_too() {
    let (database, book) = book_of(2).await;
    let mut connection = superuser(&database).await;
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut connection).await.unwrap();
    for statement in CHANGES {
        assert_eq!(sqlstate(&mut connection, statement).await, APPEND_ONLY, "{statement}");
    }
    check_whole(&book, 2).await;
    assert_eq!(book.head().await.unwrap().point.position, Position(2));
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused_by_the_migration() {
    let database = Database::empty().await;
    let mut connection = superuser(&database).await;
    let name = format!("{}_latin1", database.name());
    let create = format!("CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    let options = support::postgres::postgres().await.superuser(&name);
    let refused = eventstore::MIGRATOR.run(&PgPool::connect_lazy_with(options)).await.unwrap_err();
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.unwrap();
    assert!(format!("{refused:?}").contains("encoding UTF8"), "{refused:?}");
}
