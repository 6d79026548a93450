//! The load from beginning to end: read, set up, sell and deliver, report, reconcile.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinSet, spawn_blocking};

use super::account::Accepted;
use super::baskets::Baskets;
use super::board::Board;
use super::chaos::Seed;
use super::chaos::kinds::Happened;
use super::check::{Check, Verdict, chain};
use super::clerk::Clerk;
use super::endpoint::Endpoint;
use super::executor_alone::{self, Alone, AloneError};
use super::handover::{Chaotic, Handover, Sold};
use super::instance::Instance;
use super::memory;
use super::own_dev::{OwnDev, OwnDevError};
use super::plan::{Plan, StockFactor};
use super::reconcile::{Evidence, ReconcileError, reconcile};
use super::report::{self, Phase, Report};
use super::setup::{self, SetupError};
use super::shopper::{Shopped, Shopper};
use super::staff::{self, StaffError, Staffed};
use super::tokens::Tokens;
use crate::auth::signing::SigningKeyError;
use crate::online_retail::FileError;

#[derive(Debug, Clone)]
pub struct Options {
    pub baskets: PathBuf,
    /// Connections that shop.
    pub clients: usize,
    pub limit: Option<usize>,
    pub stock_factor: StockFactor,
    pub target: Target,
    /// Much goes otherwise than it should, drawn from this seed.
    pub chaos: Option<Seed>,
}

/// The Daybook that is loaded.
#[derive(Debug, Clone)]
pub enum Target {
    /// One of our own, for the time of the load. Its Postgres is looked for where no folder of programs is named.
    Own {
        postgres_bin: Option<PathBuf>,
    },
    Running(Instance),
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Baskets(#[from] FileError),
    #[error(transparent)]
    OwnDev(#[from] OwnDevError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("no tokens can be made for this Daybook")]
    Tokens(#[source] SigningKeyError),
    #[error("the load is done, and cannot be reconciled")]
    Reconcile(#[from] ReconcileError),
}

/// What the load came to, once it could begin. The checks can be made again, with [`Loaded::evidence`].
#[derive(Debug)]
pub struct Loaded {
    pub plan: Arc<Plan>,
    pub accepted: Vec<Accepted>,
    /// The last position that an answer named.
    pub position: i64,
    /// What went otherwise than it should.
    pub happened: Happened,
    /// Everything was delivered, and no check failed.
    pub reconciled: bool,
}

impl Loaded {
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence { plan: &self.plan, accepted: &self.accepted, position: self.position }
    }
}

/// `tell` gets the report and the checks, each when it is known.
pub async fn run(options: Options, mut tell: impl FnMut(&dyn Display)) -> Result<Loaded, LoadError> {
    let plan = Arc::new(Plan::new(Baskets::read(&options.baskets)?, options.limit, options.stock_factor));
    tell(&report::file(&plan));
    let (clients, chaos) = (options.clients, options.chaos);
    let (own, instance) = find(options.target).await?;
    let tokens = Arc::new(Tokens::open(&instance.data, plan.baskets.customers.len()).map_err(LoadError::Tokens)?);
    setup::require_no_orders(&instance.api, &tokens).await?;
    let setup = set_up(&instance.api, &plan, &tokens).await?;
    let Shift { sales, shopped, delivered, staff_error } = sell(&instance.api, &plan, &tokens, (clients, chaos)).await;
    let over_http = sales.rate();
    let (accepted, position) = (shopped.accepted.clone(), sales.tally.position);
    let mut loaded = Loaded { plan, accepted, position, happened: shopped.happened.clone(), reconciled: false };
    let sums = loaded.evidence().sums();
    let (setup, sales, shopped) = (&setup, &sales, &shopped);
    tell(&Report { setup, sales, shopped, sums: &sums, delivered, is_chaotic: chaos.is_some() });
    if let Some(error) = &staff_error {
        tell(&Check::broken("staff", error));
    }
    let checks = chaos.map(|_| loaded.happened.checks(loaded.accepted.len()));
    checks.iter().flatten().for_each(|check| tell(check));
    let behaved = checks.iter().flatten().all(|check| check.verdict != Verdict::Fail);
    let passed = reconcile(loaded.evidence(), &instance, |check| tell(check)).await?;
    loaded.reconciled = passed && behaved && staff_error.is_none();
    let peak_resident = own.as_ref().and_then(|_| memory::peak_resident(memory::serving_process(&instance.data)?));
    tell(&report::server(peak_resident).trim_end());
    if let Some(own) = own {
        let plan = Arc::clone(&loaded.plan);
        let alone = move || measure_alone(own, &plan, clients, over_http);
        match spawn_blocking(alone).await.expect("the measurement does not panic") {
            Ok(alone) => tell(&alone),
            Err(error) => tell(&format_args!("the executor alone could not be measured: {}", chain(&error))),
        }
    }
    Ok(loaded)
}

/// Nothing else runs on the machine meanwhile. The instance's folder goes at the end.
fn measure_alone(mut own: OwnDev, plan: &Plan, callers: usize, over_http: f64) -> Result<Alone, AloneError> {
    own.stop_serving();
    let skus: Vec<&str> = plan.stock().iter().map(|&(product, _)| &*plan.product(product).sku).collect();
    executor_alone::measure(&own, &skus, callers, over_http)
}

/// The Daybook to load; one of our own stops when it is dropped.
pub(super) async fn find(target: Target) -> Result<(Option<OwnDev>, Instance), OwnDevError> {
    match target {
        Target::Running(instance) => Ok((None, instance)),
        Target::Own { postgres_bin } => {
            let own = spawn_blocking(|| OwnDev::start(postgres_bin)).await.expect("the start does not panic")?;
            let instance = own.instance.clone();
            Ok((Some(own), instance))
        }
    }
}

async fn set_up(endpoint: &Endpoint, plan: &Arc<Plan>, tokens: &Arc<Tokens>) -> Result<Phase, SetupError> {
    let begun = Instant::now();
    let tally = setup::run(endpoint, plan, tokens).await?;
    Ok(Phase { name: "Products and stock", tally, took: begun.elapsed() })
}

/// What came of everybody's work.
struct Shift {
    sales: Phase,
    shopped: Shopped,
    delivered: u64,
    staff_error: Option<StaffError>,
}

/// Connections of staff for what follows deliveries in a chaotic load.
const CLERKS: usize = 4;

/// Shoppers and staff at once; it ends when every order is delivered, and nothing of it is left to be settled.
async fn sell(
    endpoint: &Endpoint,
    plan: &Arc<Plan>,
    tokens: &Arc<Tokens>,
    (clients, chaos): (usize, Option<Seed>),
) -> Shift {
    let begun = Instant::now();
    let board = Arc::new(Board::new(plan.invoices().len()));
    let (handover, sold) = Handover::new();
    let handover = Arc::new(handover);
    let chaotic = chaos.map(|seed| Chaotic { seed, plan: Arc::clone(plan), handover: Arc::clone(&handover) });
    let mut shoppers = JoinSet::new();
    for _ in 0..clients {
        shoppers.spawn(Shopper::new(endpoint, plan, tokens, &board, chaotic.clone()).run());
    }
    let mut clerks = JoinSet::new();
    let sold = Arc::new(Mutex::new(sold));
    for clerk in chaotic.iter().flat_map(|chaotic| (0..CLERKS).map(|_| Clerk::new(endpoint, tokens, chaotic))) {
        clerks.spawn(settle(clerk, Arc::clone(&sold)));
    }
    let shopping = async {
        let mut shopped = Shopped::default();
        while let Some(one) = shoppers.join_next().await {
            shopped.merge(one.expect("a shopper does not panic"));
        }
        board.end_shopping();
        shopped
    };
    let (mut shopped, staffed) = tokio::join!(shopping, staff::run(endpoint, tokens, &board, chaotic));
    handover.close();
    let Staffed { tally: packed, happened, failure: staff_error } = staffed;
    shopped.happened.merge(happened);
    let mut settled = HashMap::new();
    while let Some(done) = clerks.join_next().await {
        let (clerk, orders) = done.expect("a clerk does not panic");
        shopped.happened.merge(clerk.happened);
        shopped.tally.merge(&clerk.client.tally);
        settled.extend(orders.into_iter().map(|accepted| (accepted.order_id, accepted)));
    }
    shopped.accepted.iter_mut().for_each(|accepted| {
        if let Some(in_the_end) = settled.remove(&accepted.order_id) {
            *accepted = in_the_end;
        }
    });
    board.finish();
    let mut tally = shopped.tally.clone();
    tally.merge(&packed);
    let sales = Phase { name: "Shopping and delivering", tally, took: begun.elapsed() };
    Shift { sales, shopped, delivered: board.delivered(), staff_error }
}

/// One clerk's work, until nothing follows any more.
async fn settle(mut clerk: Clerk, sold: Arc<Mutex<UnboundedReceiver<Sold>>>) -> (Clerk, Vec<Accepted>) {
    let mut settled = Vec::new();
    loop {
        let next = sold.lock().await.recv().await;
        let Some(next) = next else { return (clerk, settled) };
        settled.push(clerk.settle(next).await);
    }
}
