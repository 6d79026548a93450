//! `daybook load`: puts a year of real invoices through HTTP, as shoppers and staff would, and reconciles what came of it.
//!
//! - [`baskets`], `line`: what of the file can be shopped; [`plan`]: what to do with it, and what must come of it
//! - `instance`, `own_dev`, `memory`: the Daybook that is loaded
//! - `endpoint`, `client`, `tokens`: how it is spoken to; `tally`, `histogram`: what is counted
//! - `setup`, then [`shopper`] and `staff` at once around a `board`; [`account`] is what came of an order
//! - with [`chaos`] much goes otherwise: `aftermath` of a checkout, `parcels`, then a `clerk`; `handover` is what they pass on
//! - [`mod@reconcile`], `check`: whether it all adds up; `report`, `numbers`: how it is told; `executor_alone`: for comparison
//! - [`mod@flash_sale`]: many buyers at once for few units

pub mod account;
mod aftermath;
pub mod baskets;
mod board;
pub mod chaos;
pub mod check;
mod clerk;
mod client;
mod endpoint;
mod executor_alone;
pub mod flash_sale;
mod handover;
mod histogram;
pub mod instance;
mod line;
mod memory;
pub(crate) mod numbers;
mod own_dev;
mod parcels;
pub mod plan;
pub mod reconcile;
mod report;
mod run;
mod setup;
pub mod shopper;
mod staff;
mod tally;
mod tokens;

pub use endpoint::Endpoint;
pub use line::LeftOut;
pub use run::{LoadError, Loaded, Options, Target, run};
