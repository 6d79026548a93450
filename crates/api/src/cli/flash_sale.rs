//! `daybook flash-sale`: its arguments, and what it exits with.

use std::process::ExitCode;

use clap::Args;
use tokio::runtime;

use super::Failure;
use super::load::{INTERRUPTED, Where, interrupted};
use crate::load::flash_sale::{FlashSale, FlashSaleError, run};

const CLIENTS_MAX: i64 = 1024;
/// Each has a cart, and a token that is signed here.
const BUYERS_MAX: i64 = 100_000;
/// What one receipt may hold.
const UNITS_MAX: i64 = domain::ids::QUANTITY_MAX;

/// Sells a few units of one product to many buyers at once, each with a cart of their own, over HTTP.
///
/// Exits with 1 unless exactly as many orders are confirmed as there are units, everybody else was refused as out of stock, and
/// nothing is left over; and with 2 when the sale cannot begin.
#[derive(Debug, Args)]
pub(super) struct Sale {
    /// Buyers, each of one unit.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=BUYERS_MAX))]
    buyers: u32,
    /// Units that there are.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=UNITS_MAX))]
    units: u32,
    /// Connections that buy at once.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=CLIENTS_MAX))]
    clients: u16,
    #[command(flatten)]
    place: Where,
}

impl Sale {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (buyers, units, clients) = (self.buyers, self.units, self.clients.into());
        let sale = FlashSale { buyers, units, clients, target: self.place.target()? };
        // One thread: what the buyers do not use of the machine is the server's.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::fault(&error))?;
        runtime.block_on(async {
            tokio::select! {
                sold = run(sale, |text| println!("{text}")) => match sold {
                    Ok(true) => Ok(ExitCode::SUCCESS),
                    Ok(false) => Ok(ExitCode::FAILURE),
                    Err(error @ FlashSaleError::Read(_)) => Err(Failure::fault(&error)),
                    Err(error) => Err(Failure::usage(&error)),
                },
                // Dropping the sale stops a Daybook of its own.
                () = interrupted() => Ok(ExitCode::from(INTERRUPTED)),
            }
        })
    }
}
