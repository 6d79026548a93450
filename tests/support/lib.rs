//! What the tests stand on: one real Postgres a run and a fresh database a test.
//!
//! - [`scratch`]: folders under Cargo's target folder, swept by the next run
//! - [`postgres`]: the cluster of the run and its databases

pub mod postgres;
pub mod scratch;

pub use postgres::Database;
