//! Keys of persons: what is sealed opens again as long as the key is there, and never after it is destroyed; the book is
//! none the wiser.

use std::{sync::Arc, time::Duration};

use commands::{
    checkout::CheckOut,
    vault::{MasterKey, Vault, VaultError},
};
use domain::{ids::OrderId, order::Order, sealed::Sealed};
use sqlx::{PgPool, postgres::PgPoolOptions};
use support::Database;
use tokio::{sync::Barrier, task::JoinSet, time::timeout};
use uuid::Uuid;

use super::{
    gate::Gate,
    node::{Node, check_whole, until},
    shop::{Sale, customer, stocked},
};

const ADDRESS: &str = "Ada Lovelace, 12 St James's Square, London SW1Y 4JH";
const MASTER: u8 = 7;

/// With connections of its own and nothing in its memory, as after a restart.
fn vault(database: &Database, master: u8) -> Vault {
    let pool: PgPool = PgPoolOptions::new().max_connections(2).connect_lazy_with(database.app_options());
    Vault::new(pool, MasterKey::new("test".to_owned(), [master; 32]))
}

fn person() -> Uuid {
    customer(1).as_uuid()
}

/// An order that goes to this address.
async fn order_to(database: &Database, address: Sealed) -> OrderId {
    let node = Node::start(database).await;
    stocked(&node, "MUG", 10).await;
    let sale = Sale::of("MUG", 1, "tok_ok");
    node.accept(sale.open_cart()).await;
    node.accept(sale.add()).await;
    node.accept(CheckOut { shipping_address: address, ..sale.check_out_cart() }).await;
    node.stop().await;
    sale.order_id
}

/// The address as the book has it, by a node that has just started.
async fn address_of(database: &Database, order_id: OrderId) -> Sealed {
    let node = Node::start(database).await;
    let stream = <Order as commands::world::Held>::stream(order_id.as_uuid());
    let events = node.book.stream(&stream, None).await.unwrap();
    let states = commands::world::States::fold(&[stream], &events);
    let (order, _) = states.get::<Order>(order_id.as_uuid()).unwrap();
    order.contents().unwrap().shipping_address.clone()
}

async fn keys(database: &Database) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM vault.keys").fetch_one(&database.owner).await.unwrap()
}

#[tokio::test]
async fn an_address_in_the_book_is_sealed_and_opens_again_after_a_restart() {
    let database = Database::fresh().await;
    let sealed = vault(&database, MASTER).seal(person(), ADDRESS).await.unwrap();
    let order_id = order_to(&database, sealed).await;
    let plain = "SELECT count(*) FROM book.events WHERE payload::text LIKE '%Lovelace%'";
    assert_eq!(sqlx::query_scalar::<_, i64>(plain).fetch_one(&database.owner).await.unwrap(), 0);

    let stored = address_of(&database, order_id).await;
    assert_eq!(vault(&database, MASTER).open(&stored).await.unwrap().as_deref(), Some(ADDRESS));
    // What is sealed later is sealed under the same key.
    vault(&database, MASTER).seal(person(), "another address").await.unwrap();
    assert_eq!(keys(&database).await, 1);
    assert_eq!(vault(&database, MASTER).open(&stored).await.unwrap().as_deref(), Some(ADDRESS));
}

#[tokio::test]
async fn neither_another_master_key_nor_another_person_opens_what_is_sealed() {
    let database = Database::fresh().await;
    let sealed = vault(&database, MASTER).seal(person(), ADDRESS).await.unwrap();
    let other = customer(2).as_uuid();
    vault(&database, MASTER).seal(other, "somewhere else").await.unwrap();
    let passed_off = Sealed::new(other, sealed.sealed_box()).unwrap();
    for (master, sealed) in [(MASTER + 1, &sealed), (MASTER, &passed_off)] {
        let opened = vault(&database, master).open(sealed).await;
        assert!(matches!(opened, Err(VaultError::DoesNotOpen { .. })), "{opened:?}");
    }
    // Nor does it help to give the other person the key.
    let moved = "UPDATE vault.keys SET wrapped_key = (SELECT wrapped_key FROM vault.keys WHERE subject = $1)";
    sqlx::query(moved).bind(person()).execute(&database.app).await.unwrap();
    let opened = vault(&database, MASTER).open(&passed_off).await;
    assert!(matches!(opened, Err(VaultError::DoesNotOpen { .. })), "{opened:?}");
}

#[tokio::test]
async fn a_key_that_is_destroyed_leaves_the_book_whole_and_the_address_unreadable() {
    let database = Database::fresh().await;
    let sealed = vault(&database, MASTER).seal(person(), ADDRESS).await.unwrap();
    let others = vault(&database, MASTER).seal(customer(2).as_uuid(), "somewhere else").await.unwrap();
    let order_id = order_to(&database, sealed.clone()).await;
    let node = Node::start(&database).await;
    let before = node.book.head().await.unwrap();
    let destroy = "UPDATE vault.keys SET wrapped_key = NULL, erased_at = now() WHERE subject = $1";
    assert_eq!(sqlx::query(destroy).bind(person()).execute(&database.app).await.unwrap().rows_affected(), 1);

    let events = check_whole(&node.book).await;
    assert_eq!((node.book.head().await.unwrap().point, events), (before.point, before.point.position.0));
    let stored = address_of(&database, order_id).await;
    assert_eq!(stored, sealed);
    let vault = vault(&database, MASTER);
    assert_eq!(vault.open(&stored).await.unwrap(), None);
    let again = vault.seal(person(), ADDRESS).await;
    assert!(matches!(again, Err(VaultError::Erased { .. })), "{again:?}");
    assert_eq!(vault.open(&others).await.unwrap().as_deref(), Some("somewhere else"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_make_a_key_for_one_person_at_once_end_with_one_key() {
    const NODES: usize = 4;
    const PERSONS: u128 = 20;
    let database = Database::fresh().await;
    let vaults: Vec<_> = (0..NODES).map(|_| Arc::new(vault(&database, MASTER))).collect();
    for number in 1..=PERSONS {
        let subject = customer(number).as_uuid();
        let start = Arc::new(Barrier::new(NODES));
        let mut running = JoinSet::new();
        for vault in &vaults {
            let (vault, start) = (Arc::clone(vault), Arc::clone(&start));
            running.spawn(async move {
                start.wait().await;
                vault.seal(subject, ADDRESS).await.unwrap()
            });
        }
        for sealed in running.join_all().await {
            for reader in [&*vaults[0], &vault(&database, MASTER)] {
                assert_eq!(reader.open(&sealed).await.unwrap().as_deref(), Some(ADDRESS));
            }
        }
        assert_eq!(keys(&database).await, i64::try_from(number).unwrap());
    }
}

/// A client that hangs up takes its request along, wherever it stands at that moment.
#[tokio::test]
async fn who_hangs_up_leaves_the_connection_that_was_being_opened_for_it_to_the_next() {
    let (database, gate) = (Database::fresh().await, Gate::to_shared().await);
    let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(gate.options(&database.app_url()));
    let vault = Vault::new(pool.clone(), MasterKey::new("test".to_owned(), [MASTER; 32]));
    // It is looked at once, which begins the connection, and then no more.
    assert!(timeout(Duration::ZERO, vault.seal(person(), ADDRESS)).await.is_err());
    until("the connection is there for the next", async || pool.num_idle() == 1).await;
    let sealed = vault.seal(person(), ADDRESS).await.unwrap();
    assert_eq!(vault.open(&sealed).await.unwrap().as_deref(), Some(ADDRESS));
    assert_eq!(gate.let_in(), 1);
}
