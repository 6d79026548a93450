//! The book as the reconciliation reads it: from Postgres, page by page, once, past every check that wants to see it.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::{Duration, Instant};

use eventstore::{Book, Position, ReadError, RecordedEvent};
use serde::Deserialize;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::time::sleep;
use uuid::Uuid;

use super::super::account::Accepted;
use super::super::check::Check;
use super::super::numbers::grouped;

/// A page of a walk; a thousand events are about a megabyte.
pub(super) const PAGE: i64 = 2_000;
const CONNECTIONS: u32 = 2;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// What follows the last delivery (captures, the ends of reservations) is written within moments.
const QUIET_FOR: Duration = Duration::from_secs(1);
const QUIET_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn open(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = eventstore::session::reading(PgConnectOptions::from_str(url)?);
    PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECT_WITHIN).connect_with(options).await
}

/// The head once nothing has been appended for a moment, and nothing is under way that would append: what is compared must
/// not grow meanwhile.
pub(super) async fn quiet_head(book: &Book, pool: &PgPool) -> Result<Position, ReadError> {
    let begun = Instant::now();
    let (mut head, mut since) = (book.head().await?.point.position, Instant::now());
    while begun.elapsed() < QUIET_WITHIN {
        if since.elapsed() >= QUIET_FOR && !is_under_way(pool, head).await.map_err(ReadError::Query)? {
            break;
        }
        sleep(LOOK_EVERY).await;
        let now = book.head().await?.point.position;
        if now != head {
            (head, since) = (now, Instant::now());
        }
    }
    Ok(head)
}

/// A provider is still to answer, or a process has not yet read everything.
async fn is_under_way(pool: &PgPool, head: Position) -> Result<bool, sqlx::Error> {
    let open = "SELECT EXISTS (SELECT FROM process.calls) \
        OR EXISTS (SELECT FROM process.checkpoints WHERE position < $1)";
    sqlx::query_scalar(open).bind(head.0).fetch_one(pool).await
}

/// Every order came from one checkout, and no cart has had two.
pub(super) struct Carts<'a> {
    accepted: &'a [Accepted],
    /// By cart.
    orders: HashMap<Uuid, Uuid>,
    checked_out: u64,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct CheckedOut {
    order_id: Uuid,
}

impl<'a> Carts<'a> {
    pub(super) fn new(accepted: &'a [Accepted]) -> Self {
        Self { accepted, orders: HashMap::with_capacity(accepted.len()), checked_out: 0, problem: None }
    }

    pub(super) fn see(&mut self, event: &RecordedEvent) {
        if event.event_type != "cart.checked_out" {
            return;
        }
        self.checked_out += 1;
        let cart = event.stream.id;
        match serde_json::from_str::<CheckedOut>(&event.payload) {
            Ok(CheckedOut { order_id }) => {
                if let Some(first) = self.orders.insert(cart, order_id) {
                    self.note(format!("cart {cart} has the orders {first} and {order_id}"));
                }
            }
            Err(error) => self.note(format!("position {} is no checkout: {error}", event.position)),
        }
    }

    pub(super) fn check(mut self) -> Check {
        for accepted in self.accepted {
            let found = self.orders.remove(&accepted.cart_id);
            if found != Some(accepted.order_id) {
                let found = found.map_or_else(|| "none".to_owned(), |order| order.to_string());
                self.note(format!("cart {} has order {found}, answered was {}", accepted.cart_id, accepted.order_id));
            }
        }
        if let Some(cart) = self.orders.keys().next() {
            self.note(format!("{} more carts were checked out, such as {cart}", self.orders.len()));
        }
        let (carts, orders) = (grouped(self.checked_out), grouped(self.accepted.len()));
        let numbers = format!("{carts} checked out, {orders} orders, one each");
        match self.problem {
            None => Check::ok("carts", numbers),
            Some(problem) => Check::fail("carts", format!("{carts} checked out, {orders} orders; {problem}")),
        }
    }

    /// The first is told.
    fn note(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}
