//! The load from beginning to end: read, set up, sell and deliver, report, reconcile.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::baskets::{Baskets, BasketsError};
use super::board::Board;
use super::check::Check;
use super::endpoint::Endpoint;
use super::executor_alone::Alone;
use super::instance::{Instance, InstanceError};
use super::memory;
use super::own_dev::{OwnDev, OwnDevError};
use super::plan::{Plan, StockFactor};
use super::reconcile::{Evidence, reconcile};
use super::report::{self, Phase, Report};
use super::setup::{self, SetupError};
use super::shopper::{Shopped, Shopper};
use super::staff::{self, StaffError};
use super::tokens::Tokens;
use crate::auth::signing::SigningKeyError;

#[derive(Debug, Clone)]
pub struct Options {
    pub baskets: PathBuf,
    /// Connections that shop.
    pub clients: usize,
    pub limit: Option<usize>,
    pub stock_factor: StockFactor,
    pub target: Target,
}

/// The Daybook that is loaded.
#[derive(Debug, Clone)]
pub enum Target {
    /// One of our own, for the time of the load.
    Own,
    Running { url: Endpoint, data: PathBuf },
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Baskets(#[from] BasketsError),
    #[error(transparent)]
    Instance(#[from] InstanceError),
    #[error(transparent)]
    OwnDev(#[from] OwnDevError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("no tokens can be made for this Daybook")]
    Tokens(#[from] SigningKeyError),
}

/// What the load came to, once it could begin.
#[derive(Debug)]
pub struct Loaded {
    /// No check failed.
    pub reconciled: bool,
}

/// Prints the report and the checks on standard output.
pub async fn run(options: Options) -> Result<Loaded, LoadError> {
    let plan = Arc::new(Plan::new(Baskets::read(&options.baskets)?, options.limit, options.stock_factor));
    print!("{}", report::file(&plan));
    let (own, instance) = match options.target {
        Target::Own => {
            let own = OwnDev::start()?;
            let instance = own.instance.clone();
            (Some(own), instance)
        }
        Target::Running { url, data } => (None, Instance::running(url, &data)?),
    };
    let tokens = Arc::new(Tokens::open(&instance.data, plan.baskets.customers.len())?);
    setup::require_no_orders(&instance.api, &tokens).await?;

    let begun = Instant::now();
    let tally = setup::run(&instance.api, &plan, &tokens).await?;
    let setup = Phase { name: "Products and stock", tally, took: begun.elapsed() };
    let sold = sell(&instance.api, &plan, &tokens, options.clients).await;
    let peak_memory = own.as_ref().and_then(|_| memory::peak_resident(memory::serving_process(&instance.data)?));
    let alone = Alone::NotMeasured { reason: "not built" };

    let accepted = &sold.shopped.accepted;
    let evidence = Evidence { plan: &plan, accepted, position: sold.sales.tally.position };
    let sums = evidence.sums();
    let report = Report {
        plan: &plan,
        setup: &setup,
        sales: &sold.sales,
        shopped: &sold.shopped,
        sums: &sums,
        delivered: sold.delivered,
        alone: &alone,
        peak_memory,
    };
    print!("\n{report}");
    println!("\nReconciliation");
    if let Some(error) = &sold.staff_error {
        println!("{}", Check::broken("staff", error));
    }
    let reconciled = reconcile(evidence, &instance, &tokens, |check| println!("{check}")).await;
    drop(own);
    Ok(Loaded { reconciled: reconciled && sold.staff_error.is_none() })
}

struct Sold {
    sales: Phase,
    shopped: Shopped,
    delivered: u64,
    staff_error: Option<StaffError>,
}

/// Shoppers and staff at once; it ends when every order is delivered.
async fn sell(endpoint: &Endpoint, plan: &Arc<Plan>, tokens: &Arc<Tokens>, clients: usize) -> Sold {
    let begun = Instant::now();
    let board = Arc::new(Board::new(plan.invoices().len()));
    let mut shoppers = JoinSet::new();
    for _ in 0..clients {
        shoppers.spawn(Shopper::new(endpoint, plan, tokens, &board).run());
    }
    let shopping = async {
        let mut shopped = Shopped::default();
        while let Some(one) = shoppers.join_next().await {
            shopped.merge(one.expect("a shopper does not panic"));
        }
        board.end_shopping();
        shopped
    };
    let (shopped, staffed) = tokio::join!(shopping, staff::run(endpoint, tokens, &board));
    board.finish();
    let mut tally = shopped.tally.clone();
    tally.merge(&staffed.tally);
    let sales = Phase { name: "Shopping and delivering", tally, took: begun.elapsed() };
    Sold { sales, shopped, delivered: board.delivered(), staff_error: staffed.failure }
}
