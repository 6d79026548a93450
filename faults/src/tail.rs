//! Readers that follow the book's tail from the outside while it is written: what they have once seen, in which order.

use std::{sync::Arc, time::Duration};

use eventstore::{Hash, Point, Position};
use sqlx::{PgConnection, Row as _};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{cluster::Cluster, rng::Rng};

/// How many read at once.
const READERS: usize = 10;
const PAGE: i64 = 500;
/// Each looks that often: together they must not be the load.
const POLL: Duration = Duration::from_millis(200);

/// Started at random times within `spread`, until told to stop.
pub(crate) fn readers(
    cluster: &Arc<Cluster>,
    database: &str,
    rng: &mut Rng,
    spread: Duration,
    stop: &CancellationToken,
) -> JoinSet<Vec<Point>> {
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (cluster, database, stop) = (Arc::clone(cluster), database.to_owned(), stop.clone());
        let begins_after = rng.between(Duration::ZERO, spread);
        readers.spawn(async move {
            let mut seen = Vec::new();
            stop.run_until_cancelled(sleep(begins_after)).await;
            while !stop.is_cancelled() {
                // Postgres may be away: that is the fault.
                if let Ok(mut connection) = cluster.connect(&database).await {
                    follow(&mut connection, &mut seen, &stop).await;
                }
                stop.run_until_cancelled(sleep(POLL)).await;
            }
            seen
        });
    }
    readers
}

/// Reads on from the last position that was seen, until the connection breaks.
async fn follow(connection: &mut PgConnection, seen: &mut Vec<Point>, stop: &CancellationToken) {
    loop {
        let after = seen.last().map_or(-1, |point| point.position.0);
        let query = sqlx::query(include_str!("sql/read_tail.sql")).bind(after).bind(PAGE);
        let Ok(rows) = query.fetch_all(&mut *connection).await else { return };
        for row in &rows {
            let (Ok(position), Ok(hash)) = (row.try_get::<i64, _>(0), row.try_get::<Vec<u8>, _>(1)) else { return };
            let Ok(hash) = hash.try_into() else { return };
            seen.push(Point { position: Position(position), hash: Hash(hash) });
        }
        if rows.len() < PAGE as usize && stop.run_until_cancelled(sleep(POLL)).await.is_none() {
            return;
        }
    }
}
