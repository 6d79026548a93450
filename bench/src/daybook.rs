//! The system under test: an executor on a book, without HTTP and without followers.

use chrono::{TimeDelta, Utc};
use commands::carts::{AddItem, OpenCart};
use commands::command::{Envelope, Key};
use commands::executor::{Commands, Executor, Settings};
use domain::ids::{CartId, CustomerId, Quantity};
use domain::money::Currency;
use eventstore::follow::HeadWatch;
use eventstore::{Book, Writer};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::catalogue::{Catalogue, envelope};
use crate::cluster::POOL_CONNECTIONS_MAX;
use crate::failure::Failure;
use crate::measure::Client;

/// A fresh cart every so many commands: it is opened with the first of them.
pub(crate) const COMMANDS_A_CART: usize = 10;

/// How much of the book the executor remembers between two batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// As a node runs.
    Warm,
    /// Nothing: every command loads its cart and its product from Postgres.
    Cold,
}

pub(crate) struct Daybook {
    pub(crate) commands: Commands,
    pub(crate) book: Book,
    pool: PgPool,
    executor: JoinHandle<()>,
}

impl Daybook {
    /// One connection writes, the others of the pool read.
    pub(crate) async fn open(database: &PgConnectOptions, world: World) -> Result<Self, Failure> {
        let reading = eventstore::session::reading(database.clone());
        let pool = PgPoolOptions::new().max_connections(POOL_CONNECTIONS_MAX - 1).connect_lazy_with(reading);
        let book = Book::new(pool.clone());
        let mut writer = Writer::connect(database.clone()).await?;
        let head = writer.head().await?;
        let settings = match world {
            World::Warm => Settings::default(),
            World::Cold => Settings { world_bytes_max: 0, ..Settings::default() },
        };
        let (commands, executor) = Executor::with(settings, writer, head, book.clone(), HeadWatch::new());
        Ok(Self { commands, book, pool, executor: tokio::spawn(executor.run()) })
    }

    /// Waits for the executor, which ends with the last way in to it.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Self { commands, book, pool, executor } = self;
        drop(commands);
        drop(book);
        executor.await?;
        pool.close().await;
        Ok(())
    }

    pub(crate) fn buyers(&self, count: usize, catalogue: &Catalogue, keyed: bool) -> Vec<Buyer> {
        let buyer = |number| Buyer {
            commands: self.commands.clone(),
            catalogue: catalogue.clone(),
            customer_id: CustomerId::from_uuid(Uuid::now_v7()),
            cart_id: CartId::from_uuid(Uuid::now_v7()),
            done: number * COMMANDS_A_CART,
            keyed,
        };
        (0..count).map(buyer).collect()
    }
}

/// Fills one cart after the other.
pub(crate) struct Buyer {
    commands: Commands,
    catalogue: Catalogue,
    customer_id: CustomerId,
    cart_id: CartId,
    done: usize,
    keyed: bool,
}

impl Client for Buyer {
    async fn work(&mut self) -> Result<(), Failure> {
        let (customer_id, envelope) = (self.customer_id, self.envelope());
        if self.done.is_multiple_of(COMMANDS_A_CART) {
            self.cart_id = CartId::from_uuid(Uuid::now_v7());
            let open = OpenCart { cart_id: self.cart_id, customer_id, guest: false, currency: Currency::GBP };
            self.commands.run(open, envelope).await?;
        } else {
            let sku = self.catalogue.sku(self.done).clone();
            let add = AddItem { cart_id: self.cart_id, owner: Some(customer_id), sku, quantity: Quantity::ONE };
            self.commands.run(add, envelope).await?;
        }
        self.done += 1;
        Ok(())
    }
}

impl Buyer {
    fn envelope(&self) -> Envelope {
        let mut envelope = envelope(self.customer_id.as_uuid());
        envelope.key = self.keyed.then(|| Key {
            scope: self.customer_id.to_string(),
            key: Uuid::new_v4().to_string(),
            fingerprint: [7; 32],
            expires_at: Some(Utc::now() + TimeDelta::hours(24)),
        });
        envelope
    }
}
