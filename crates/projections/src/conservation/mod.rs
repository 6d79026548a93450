//! The conservation watch: adds up money and stock over the whole book, by other code than the rules that decided it, and
//! tells what does not balance. Were a rule wrong, or an event written by other hands, this is where it shows.
//!
//! It is a follower as the read models are: its sums and its checkpoint commit together, one node does the work, and
//! `daybook rebuild conservation` adds everything up anew. What it holds in memory is one batch and the rows that it touches: the
//! shelves, with those reservations that are not used up; the orders; the payments.
//!
//! - `shelf`, `order`, `payment`: the sums of one of each, and what must be true of them after every event
//! - `apply`: a batch of events over them; `write`: their rows
//! - `query`: what is open, for readiness and for people

mod apply;
mod order;
mod payment;
mod query;
mod shelf;
mod write;

pub use apply::Conservation;
pub use query::{Open, SETTLED_WITHIN, Violation, acknowledge, open};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "conservation",
    schema_name: "conservation_v1",
    tables: include_str!("schema.sql"),
    posts: &[
        Category { name: "inventory", ignored: &[] },
        Category { name: "order", ignored: &[] },
        Category { name: "payment", ignored: &[] },
    ],
    rows: Rows::ByStream,
};

/// A rule, and how it was broken.
type Broken = (&'static str, String);

/// The rules, as they are called in logs and metrics.
mod rules {
    pub(super) const OVERSOLD: &str = "oversold";
    pub(super) const ON_HAND: &str = "on_hand";
    pub(super) const HELD: &str = "held";
    pub(super) const STATED: &str = "stated_quantity";
    pub(super) const TRANSFER: &str = "transfer";
    pub(super) const ORDER_TOTAL: &str = "order_total";
    pub(super) const ORDER_UNITS: &str = "order_units";
    pub(super) const AUTHORIZED: &str = "authorized";
    pub(super) const CAPTURED: &str = "captured";
    pub(super) const REFUNDED: &str = "refunded";
    pub(super) const KEPT: &str = "kept";
}
