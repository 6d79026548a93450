//! A standby takes over, or a backup is restored: what was answered is there or is said to be lost, and whoever had read more than
//! there is says so and diverges from nothing.

mod asynchronous;
mod followers;
mod node;
mod paste;
mod restore;
mod synchronous;

use api::servers::postgres::DATABASE;
use commands::executor::Commands;
use eventstore::{
    Book, Extent, Point, Position, RecordedEvent,
    publisher::{Mode, PublisherConfig},
};
use sqlx::postgres::PgConnectOptions;
use support::Cluster;

use crate::commands::{
    gate::Gate,
    node::{accepted, envelope},
    shop::{add, check_out, create_product, new_cart, pounds, receive},
};

/// As the server's role, through a gate that may lead elsewhere later.
fn through(gate: &Gate, cluster: &Cluster) -> PgConnectOptions {
    gate.options(&cluster.postgres.app_url(DATABASE))
}

fn publisher(brokers: &str, prefix: &str) -> PublisherConfig {
    PublisherConfig {
        brokers: brokers.to_owned(),
        prefix: prefix.to_owned(),
        partitions: 2,
        replication: 1,
        categories: domain::registry::CATEGORIES.to_vec(),
        mode: Mode::ExactlyOnce,
    }
}

/// Mugs for sale.
async fn open_shop(commands: &Commands) {
    accepted(commands.run(create_product("MUG", pounds(10)), envelope())).await;
    accepted(commands.run(receive("MUG", 100_000), envelope())).await;
}

/// A cart of two mugs, checked out.
async fn buy(commands: &Commands) {
    let cart_id = accepted(commands.run(new_cart(), envelope())).await.outcome.cart_id;
    accepted(commands.run(add(cart_id, "MUG", 2), envelope())).await;
    accepted(commands.run(check_out(cart_id, "tok_ok"), envelope())).await;
}

async fn events(book: &Book) -> Vec<RecordedEvent> {
    book.page(Position::TITLE, i64::MAX - 1).await.unwrap()
}

/// The book is whole; where it ends.
async fn verified(book: &Book) -> Point {
    eventstore::verify(book, Extent::default(), |_| ()).await.unwrap().head
}
