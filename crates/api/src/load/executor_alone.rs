//! What the executor does alone, for comparison: items added to carts, in the book of the load, without HTTP, tokens, JSON
//! and followers. What a command costs beyond that is the edge's, the read models' and the publisher's.
//!
//! The server of the load has been stopped; its Postgres is started again, for the executor alone.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use commands::carts::{AddItem, OpenCart};
use commands::command::{Actor, Causation, CommandError, Envelope};
use commands::executor::{Commands, Executor};
use domain::ids::{self, CartId, CustomerId, Quantity, Sku};
use domain::money::Currency;
use eventstore::follow::HeadWatch;
use eventstore::{Book, ReadError, Writer};
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::numbers::grouped;
use super::own_dev::OwnDev;
use crate::servers::folder::{Folder, FolderError};
use crate::servers::postgres::{DATABASE, Durability, Postgres, StartError};

/// A cart of the year has 27 lines on average; a fresh one now and then keeps cold streams in the figure.
const ITEMS_A_CART: usize = 10;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURE: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 2;

#[derive(Debug, thiserror::Error)]
pub(super) enum AloneError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Postgres(#[from] StartError),
    #[error("the writer cannot be connected")]
    Writer(#[from] ReadError),
    #[error("an item could not be added")]
    Command(#[from] CommandError),
    #[error("a runtime cannot be had")]
    Runtime(#[source] std::io::Error),
    #[error("{0:?} is no SKU")]
    Sku(String, #[source] ids::Error),
}

/// Commands a second, and what the same machine did over HTTP in the same run.
#[derive(Debug)]
pub(super) struct Alone {
    callers: usize,
    rate: f64,
    over_http: f64,
}

impl fmt::Display for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rate, over_http) = (grouped(self.rate.round() as u64), grouped(self.over_http.round() as u64));
        writeln!(f, "\nThe executor alone, {} callers, items added in the same book", self.callers)?;
        writeln!(f, "  {rate} commands/s; over HTTP, with everything that follows the book, {over_http}")?;
        write!(f, "  HTTP to executor: {:.3} (1 to {:.1})", self.over_http / self.rate, self.rate / self.over_http)
    }
}

/// On a runtime of its own: as the server has one, and not the single thread of the load.
pub(super) fn measure(own: &OwnDev, skus: &[&str], callers: usize, over_http: f64) -> Result<Alone, AloneError> {
    let skus: Result<Vec<Sku>, _> = skus
        .iter()
        .map(|sku| Sku::from_str(sku).map_err(|source| AloneError::Sku((*sku).to_owned(), source)))
        .collect();
    let skus = skus?;
    let runtime = tokio::runtime::Runtime::new().map_err(AloneError::Runtime)?;
    let rate = runtime.block_on(async {
        let folder = Folder::open(&own.instance.data)?;
        let postgres = Postgres::start(&folder, Durability::Durable, own.postgres_bin.as_deref()).await?;
        let options = postgres.app(DATABASE);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
        let book = Book::new(pool.connect_lazy_with(eventstore::session::reading(options.clone())));
        let mut writer = Writer::connect(options).await?;
        let head = writer.head().await?;
        let (commands, executor) = Executor::new(writer, head, book, HeadWatch::new());
        let executor = tokio::spawn(executor.run());
        let rate = rate(commands, skus, callers).await;
        // It ends with the last way in to it.
        executor.await.expect("the executor does not panic");
        rate
    })?;
    Ok(Alone { callers, rate, over_http })
}

async fn rate(commands: Commands, skus: Vec<Sku>, callers: usize) -> Result<f64, AloneError> {
    let (skus, done, over) = (Arc::new(skus), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut buyers = JoinSet::new();
    for caller in 0..callers {
        let (commands, skus) = (commands.clone(), Arc::clone(&skus));
        buyers.spawn(buy(commands, skus, caller, Arc::clone(&done), Arc::clone(&over)));
    }
    drop(commands);
    sleep(WARM_UP).await;
    let (begun, before) = (Instant::now(), done.load(Ordering::Relaxed));
    sleep(MEASURE).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    while let Some(bought) = buyers.join_next().await {
        bought.expect("a buyer does not panic")?;
    }
    Ok(rate)
}

/// One cart after another. The catalogue is walked from another place by each caller.
async fn buy(
    commands: Commands,
    skus: Arc<Vec<Sku>>,
    caller: usize,
    done: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
) -> Result<(), CommandError> {
    let mut catalogue = skus.iter().cycle().skip(caller * ITEMS_A_CART);
    while !over.load(Ordering::Relaxed) {
        let customer_id = CustomerId::from_uuid(Uuid::now_v7());
        let cart_id = CartId::from_uuid(Uuid::now_v7());
        let open = OpenCart { cart_id, customer_id, guest: false, currency: Currency::GBP };
        commands.run(open, envelope(customer_id)).await?;
        done.fetch_add(1, Ordering::Relaxed);
        for sku in catalogue.by_ref().take(ITEMS_A_CART) {
            let add = AddItem { cart_id, owner: Some(customer_id), sku: sku.clone(), quantity: Quantity::ONE };
            commands.run(add, envelope(customer_id)).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn envelope(customer: CustomerId) -> Envelope {
    let id = customer.as_uuid();
    Envelope {
        actor: Actor::Customer { id },
        correlation_id: id,
        causation: Causation::Request("the executor alone".to_owned()),
        traceparent: None,
        key: None,
        expected: None,
    }
}
