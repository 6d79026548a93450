//! `daybook load`: its arguments, and what it exits with.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::load::check::chain;
use crate::load::plan::StockFactor;
use crate::load::{Endpoint, Options, Target, run};

const NOT_RECONCILED: u8 = 1;
const BAD_INPUT: u8 = 2;
const CLIENTS_MAX: i64 = 1024;

/// Puts a year of real invoices through HTTP as shoppers and staff would, and reconciles what came of it.
///
/// Exits with 1 when a check of the reconciliation fails, and with 2 when the load cannot begin.
#[derive(Debug, Args)]
pub struct Load {
    /// The invoice lines, as gzipped CSV (../shared/data/README.md describes it).
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
    /// Load the Daybook that runs here, instead of a `daybook dev` of the load's own. Its book must hold no orders.
    #[arg(long, requires = "data")]
    url: Option<Endpoint>,
    /// The data folder of that Daybook: its signing key makes the tokens, its addresses lead to the book and to Kafka.
    #[arg(long, value_name = "DIR", requires = "url")]
    data: Option<PathBuf>,
}

impl Load {
    pub async fn run(self) -> ExitCode {
        let target = match (self.url, self.data) {
            (Some(url), Some(data)) => Target::Running { url, data },
            _ => Target::Own,
        };
        let options = Options {
            baskets: self.baskets,
            clients: self.clients.into(),
            limit: self.limit.map(|limit| limit as usize),
            stock_factor: self.stock_factor,
            target,
        };
        match run(options).await {
            Ok(loaded) if loaded.reconciled => ExitCode::SUCCESS,
            Ok(_) => NOT_RECONCILED.into(),
            Err(error) => {
                eprintln!("{}", chain(&error));
                BAD_INPUT.into()
            }
        }
    }
}
