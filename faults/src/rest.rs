//! After the fault, when nobody asks for anything any more: I10, everything catches up by itself, and I13, nothing leaks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use sqlx::Row as _;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    client::Site,
    cluster::Cluster,
    error::Error,
    history::{Command, Kind, Outcome},
    node::Node,
    rng::Rng,
    shop::{Tokens, command},
    stage::close,
};

/// I10.
pub(crate) const LAG_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Looks in a row in which nothing may move: what processes do about the last events comes within them.
const LOOKS_AT_REST: u32 = 4;

/// A process manager holds its transaction as long as a round takes, which at rest is a moment.
const IDLE_SECONDS_MAX: f64 = 2.0;
/// The pools, the writer and the runners of one node.
const CONNECTIONS_MAX: usize = 4 * 8 + 1 + 5;
/// I13: base and a tenth, and what a process that has served a load holds on to.
const RESIDENT_BYTES_MORE: u64 = 64 << 20;
const DESCRIPTORS_MORE: usize = 32;

/// Orders that are read at the end.
const READ_AT_THE_END: i64 = 20;
/// When so many cannot be, the others cannot either: each takes its time to say so.
const UNREAD_MAX: usize = 3;

/// What the last requests and the nodes that died have left open takes its time, and some of it is left to pass: leases end,
/// pauses end. What is not settled within this is found by the checks.
pub(crate) async fn calls_are_settled(cluster: &Cluster, database: &str, within: Duration) -> Result<(), Error> {
    let mut connection = cluster.connect(database).await?;
    sqlx::query(include_str!("sql/end_leases.sql")).execute(&mut connection).await?;
    let (began, mut looks) = (Instant::now(), 0);
    while looks < LOOKS_AT_REST && began.elapsed() <= within {
        let open: i64 = sqlx::query_scalar(include_str!("sql/let_pauses_end.sql")).fetch_one(&mut connection).await?;
        looks = if open == 0 { looks + 1 } else { 0 };
        sleep(LOOK_AGAIN).await;
    }
    close(connection).await;
    Ok(())
}

/// The hour after which an order that is not paid fails.
pub(crate) async fn deadlines_pass(cluster: &Cluster, database: &str, within: Duration) -> Result<(), Error> {
    let mut connection = cluster.connect(database).await?;
    let began = Instant::now();
    while began.elapsed() <= within {
        sqlx::query(include_str!("sql/let_deadlines_pass.sql")).execute(&mut connection).await?;
        let left: i64 =
            sqlx::query_scalar(include_str!("sql/count_pending_deadlines.sql")).fetch_one(&mut connection).await?;
        if left == 0 {
            break;
        }
        sleep(LOOK_AGAIN).await;
    }
    close(connection).await;
    Ok(())
}

/// Every follower is at the head, and the head stands still.
pub(crate) async fn everything_catches_up(
    cluster: &Cluster,
    database: &str,
    within: Duration,
) -> Result<Vec<String>, Error> {
    let mut connection = cluster.connect(database).await?;
    let (began, mut head, mut looks) = (Instant::now(), -1, 0);
    loop {
        let now: i64 = sqlx::query_scalar("SELECT max(position) FROM book.events").fetch_one(&mut connection).await?;
        let rows = sqlx::query(include_str!("sql/count_lags.sql")).fetch_all(&mut connection).await?;
        let mut behind = Vec::new();
        for row in rows {
            let (follower, lag): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            if lag != 0 {
                behind.push(format!("{follower} is {lag} events behind after {} s", began.elapsed().as_secs()));
            }
        }
        looks = if now == head && behind.is_empty() { looks + 1 } else { 0 };
        head = now;
        if looks >= LOOKS_AT_REST || began.elapsed() > within {
            close(connection).await;
            return Ok(behind);
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// The last reads: orders as of the head.
pub(crate) async fn orders_can_be_read(
    tokens: &Tokens<'_>,
    site: &Arc<Site>,
    rng: &Rng,
    cluster: &Cluster,
    database: &str,
) -> Result<Vec<String>, Error> {
    let mut connection = cluster.connect(database).await?;
    let head: i64 = sqlx::query_scalar("SELECT max(position) FROM book.events").fetch_one(&mut connection).await?;
    let newest = "SELECT stream_id FROM book.events WHERE event_type = 'order.created' ORDER BY position DESC LIMIT $1";
    let orders: Vec<Uuid> = sqlx::query_scalar(newest).bind(READ_AT_THE_END).fetch_all(&mut connection).await?;
    close(connection).await;
    let mut staff = tokens.staff(site, rng, "last staff");
    let mut unread = Vec::new();
    for order in orders {
        let read = command(Kind::ReadOrder, "GET", format!("/v1/orders/{order}"), &Value::Null);
        let record = staff.send(&Command { min_position: Some(head), ..read }, None).await;
        if record.outcome != Outcome::Ok {
            unread.push(format!("order {order} cannot be read: {:?} {:?}", record.status, record.answer.code));
            if unread.len() >= UNREAD_MAX {
                break;
            }
        }
    }
    Ok(unread)
}

pub(crate) async fn nothing_leaks(cluster: &Cluster, database: &str, nodes: &[Node]) -> Result<Vec<String>, Error> {
    let mut connection = cluster.connect(database).await?;
    let rows = sqlx::query(include_str!("sql/list_sessions.sql")).fetch_all(&mut connection).await?;
    close(connection).await;
    let mut leaks = Vec::new();
    for row in &rows {
        let (name, idle): (Option<String>, Option<f64>) = (row.try_get(1)?, row.try_get(2)?);
        if let Some(idle) = idle.filter(|idle| *idle > IDLE_SECONDS_MAX) {
            leaks.push(format!("a session {name:?} has been idle in a transaction for {idle:.1} s"));
        }
    }
    if rows.len() > nodes.len() * CONNECTIONS_MAX {
        leaks.push(format!("{} connections are open", rows.len()));
    }
    for (base, now) in nodes.iter().filter_map(Node::usages) {
        if now.resident_bytes > base.resident_bytes + base.resident_bytes / 10 + RESIDENT_BYTES_MORE {
            leaks.push(format!("{} bytes resident, {} before the fault", now.resident_bytes, base.resident_bytes));
        }
        if now.descriptors > base.descriptors + base.descriptors / 10 + DESCRIPTORS_MORE {
            leaks.push(format!("{} descriptors, {} before the fault", now.descriptors, base.descriptors));
        }
    }
    Ok(leaks)
}
