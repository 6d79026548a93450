//! `daybook import orders`: records what an earlier system sold, as it was charged, and what it gave back.
//!
//! - [`plan`] reads the file: each line is a sale, a cancellation, or left out for one reason (`verdict`), and what was sold
//!   is added up apart from that (`sums`); `matching` finds the orders that cancellations belong to
//! - [`mod@run`] puts it into the book, through the executor; `check` reads it back and compares; `report` tells it

mod check;
mod matching;
pub mod plan;
mod report;
mod run;
pub mod sums;
mod verdict;

pub use plan::{Plan, PlanError};
pub use run::{Done, ImportError, run};
pub use verdict::LeftOut;

/// What the earlier system is called in the book.
pub const SOURCE: &str = "online-retail";
