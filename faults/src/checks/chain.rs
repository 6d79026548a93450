//! I8: the chain is whole, every head that a reader once saw is a prefix of it, and a change to history is found and named.

use eventstore::{Book, Extent, Point, Position, VerifyError, verify};
use sqlx::{AssertSqlSafe, Connection as _, PgPool};

use crate::{
    cluster::Cluster,
    error::{Error, chain},
    evidence::{self, Evidence},
};

pub(super) async fn is_whole(pool: &PgPool, evidence: &Evidence) -> Vec<String> {
    let book = Book::new(pool.clone());
    let mut violations = Vec::new();
    // One reader may have seen no more than another: the furthest noted head stands for those before it.
    let noted: Option<Point> =
        evidence.tails.iter().filter_map(|tail| tail.last().copied()).max_by_key(|point| point.position);
    let extent = Extent { expected: noted, ..Extent::default() };
    match verify(&book, extent, |_| {}).await {
        Ok(verified) => {
            let head = evidence.book.last().map(|event| event.point());
            if head != Some(verified.head) {
                violations.push(format!("the walk ends at {:?}, the book at {head:?}", verified.head));
            }
        }
        Err(error) => violations.push(chain(&error)),
    }
    violations
}

/// What can be done to a book by someone who may do everything, and which page the walk must name. `$at` is a position
/// in the middle, `$head` the last one.
const MUTATIONS: [(&str, &str, Named); 7] = [
    ("a byte is flipped", "UPDATE book.events SET payload = (payload::text || ' ')::json WHERE position = $at", Named::At),
    ("a page is deleted", "DELETE FROM book.events WHERE position = $at", Named::At),
    (
        "two pages are swapped",
        "UPDATE book.events AS one SET payload = other.payload FROM book.events AS other
         WHERE (one.position, other.position) IN (($at, $at + 1), ($at + 1, $at))",
        Named::At,
    ),
    ("a time is edited", "UPDATE book.events SET recorded_at = recorded_at + interval '1 microsecond' WHERE position = $at", Named::At),
    ("a hash is rewritten", "UPDATE book.events SET hash = sha256(hash) WHERE position = $at", Named::At),
    (
        "a page is added",
        "INSERT INTO book.events SELECT position + 1, recorded_at, 1, schema_version, gen_random_uuid(), category, event_type,
         hash, payload, metadata FROM book.events WHERE position = $head",
        Named::AfterHead,
    ),
    ("the tail is cut off", "DELETE FROM book.events WHERE position > $at", Named::Head),
];

#[derive(Debug, Clone, Copy)]
enum Named {
    At,
    Head,
    AfterHead,
}

/// The mutation test: each change is made in a copy of the database, and must be found at its page.
pub(crate) async fn mutations_are_found(cluster: &Cluster, database: &str) -> Result<Vec<String>, Error> {
    let copy = format!("{database}_copy");
    cluster.create_database(&copy, Some(database)).await?;
    let pool = evidence::pool(cluster.superuser(&copy)?).await?;
    let found = try_mutations(cluster, &copy, &pool).await;
    pool.close().await;
    cluster.drop_database(&copy).await?;
    found
}

async fn try_mutations(cluster: &Cluster, database: &str, pool: &PgPool) -> Result<Vec<String>, Error> {
    let mut connection = cluster.connect(database).await?;
    let prepare = "ALTER TABLE book.events DISABLE TRIGGER events_append_only; \
        CREATE TABLE book.saved AS TABLE book.events";
    for statement in prepare.split("; ") {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
    }
    let book = Book::new(pool.clone());
    let head = book.head().await?.point;
    let at = head.position.0 / 2;
    let mut violations = Vec::new();
    for (name, statement, named) in MUTATIONS {
        let statement = statement.replace("$at", &at.to_string()).replace("$head", &head.position.to_string());
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        let expected = match named {
            Named::At => at,
            Named::Head => head.position.0,
            Named::AfterHead => head.position.0 + 1,
        };
        let extent = Extent { expected: Some(head), ..Extent::default() };
        match verify(&book, extent, |_| {}).await {
            Err(VerifyError::Bad { position, .. }) if position == Position(expected) => {}
            other => violations.push(format!("{name} at {expected}: the walk says {other:?}")),
        }
        for statement in ["DELETE FROM book.events", "INSERT INTO book.events TABLE book.saved"] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
    }
    connection.close().await?;
    Ok(violations)
}
