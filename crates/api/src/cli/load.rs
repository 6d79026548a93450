//! `daybook load`: its arguments, and what it exits with.

use std::future::pending;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::runtime;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::load::chaos::Seed;
use crate::load::instance::Instance;
use crate::load::plan::StockFactor;
use crate::load::{Endpoint, LoadError, Options, Target, run};

/// As a shell says it of a program that Ctrl-C ended.
pub(super) const INTERRUPTED: u8 = 130;
const CLIENTS_MAX: i64 = 1024;

/// Puts a year of real invoices through HTTP as shoppers and staff would, and reconciles what came of it.
///
/// Exits with 1 when a check of the reconciliation fails, and with 2 when the load cannot begin.
#[derive(Debug, Args)]
pub(super) struct Load {
    /// The invoice lines: gzipped CSV with the columns invoice, stock_code, description, quantity, invoiced_at, unit_price, customer_id, country.
    #[arg(long, value_name = "FILE")]
    baskets: PathBuf,
    /// Connections that shop at once.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=CLIENTS_MAX))]
    clients: u16,
    /// Take the first N invoices of the file only; products and stock are then those that these need.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Receive this much of what the invoices need, rounded down: less than 1 makes shortages.
    #[arg(long, value_name = "F", default_value = "1")]
    stock_factor: StockFactor,
    /// Much goes otherwise than it should: payments declined and lost, orders and lines cancelled, several parcels, returns, refunds,
    /// guests who log in, corrected addresses, requests that come twice, clients that hang up; what is left must reconcile all the
    /// same, and among 1,000 orders every kind of it must have happened
    #[arg(long)]
    chaos: bool,
    /// From which the chaos is drawn
    #[arg(long, default_value_t = 1, requires = "chaos", value_name = "N")]
    seed: u64,
    #[command(flatten)]
    place: Where,
}

/// The Daybook that is loaded: one that runs, or one of the load's own.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// Load the Daybook that runs here, instead of a `daybook dev` of its own. `load` needs a book that holds no orders.
    #[arg(long, requires = "data")]
    url: Option<Endpoint>,
    /// The data folder of that Daybook: its signing key makes the tokens, its addresses lead to the book and to Kafka.
    #[arg(long, value_name = "DIR", requires = "url")]
    data: Option<PathBuf>,
    /// The folder of the Postgres server's programs [default: the newest that is installed]
    #[arg(long, env = "PG_BIN", value_name = "DIR")]
    postgres_bin: Option<PathBuf>,
}

impl Where {
    pub(super) fn target(self) -> Result<Target, Failure> {
        match (self.url, self.data) {
            (Some(api), Some(data)) => {
                let instance = Instance::of(&data).map_err(|error| Failure::usage(&error))?;
                Ok(Target::Running(Instance { api, ..instance }))
            }
            _ => Ok(Target::Own { postgres_bin: self.postgres_bin }),
        }
    }
}

impl Load {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let options = Options {
            baskets: self.baskets,
            clients: self.clients.into(),
            limit: self.limit.map(|limit| limit as usize),
            stock_factor: self.stock_factor,
            target: self.place.target()?,
            chaos: self.chaos.then_some(Seed(self.seed)),
        };
        // One thread: what the shoppers do not use of the machine is the server's.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::fault(&error))?;
        runtime.block_on(async {
            tokio::select! {
                loaded = run(options, |text| println!("{text}")) => match loaded {
                    Ok(loaded) if loaded.reconciled => Ok(ExitCode::SUCCESS),
                    Ok(_) => Ok(ExitCode::FAILURE),
                    Err(error @ LoadError::Reconcile(_)) => Err(Failure::fault(&error)),
                    Err(error) => Err(Failure::usage(&error)),
                },
                // Dropping the load stops a Daybook of its own.
                () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
            }
        })
    }
}

/// Ctrl-C or SIGTERM.
pub(super) async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return pending().await };
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
