//! What the book says, posted into tables that can be queried, and the queries.
//!
//! - `projection`: what a projection is; `install`: makes their tables
//! - `runner`: one projection's batches; `checkpoint`, `parked`, `session`, `metrics`: what a runner keeps, steps around,
//!   writes through and tells
//! - `read_models`: what every query stands on; `progress`, `status`: how far the projections have come; `collection`:
//!   pages and cursors
//! - [`carts`], [`orders`], [`stock`], [`catalogue`], [`sales`]: the read models, each with what it posts and its
//!   queries; [`conservation`] posts what must balance, and tells what does not
//!
//! Knows no use case and no status code.

mod checkpoint;
mod collection;
mod install;
mod metrics;
mod parked;
mod progress;
mod projection;
mod read_models;
mod runner;
mod session;
mod status;

pub mod carts;
pub mod catalogue;
pub mod conservation;
pub mod orders;
pub mod sales;
pub mod stock;

pub use checkpoint::State;
pub use collection::{Limit, Page, Part, Sort, SortKey, UnknownSort};
pub use install::{InstallError, begin_anew, install};
pub use progress::Progress;
pub use projection::{ApplyError, Category, Definition, Projection, Rows};
pub use read_models::{QueryError, ReadModels, Reflects};
pub use runner::{Round, RunError, Runner};
pub use session::reading;
pub use status::Status;

/// Every projection, in the order in which they are told of.
pub static ALL: [&'static dyn Projection; 6] =
    [&carts::Carts, &orders::Orders, &stock::Stock, &catalogue::Catalogue, &sales::Sales, &conservation::Conservation];
