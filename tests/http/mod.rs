//! HTTP against the real router, a node with executor, projections and processes behind it, and a fresh database per test.
//!
//! Read [`shop`] for what a test stands on, [`client`] for how it asks. Every answer is held against the OpenAPI document
//! ([`contract`]), and every refusal is shown to leave nothing in the book.

pub(crate) mod answer;
pub(crate) mod client;
mod contract;
pub(crate) mod shop;
pub(crate) mod steps;
mod webhooks;

mod access;
mod backorders;
mod bad_input;
mod cancellations;
mod carts;
mod checkout;
mod documents;
mod headers;
mod inventory;
mod keys;
mod lists;
mod orders;
mod payments;
mod positions;
mod products;
mod races;
mod refunds;
mod returns;
mod sale;
