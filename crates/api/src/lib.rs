//! Daybook over HTTP, and its command line. The only crate that knows a status code, and the only one that sees all others.
//!
//! In reading order: a connection comes in through [`server`], passes the [`router`] and the edge around every handler, is
//! read by the extractors, handled in a file under `routes/`, and answered through [`answer`] or refused with a [`problem`].

pub mod app;
mod asker;
pub mod auth;
pub mod cli;
pub mod config;
mod conserved;
mod dev;
pub mod import;
pub mod load;
pub mod migrate;
pub mod node;
pub mod online_retail;
mod running;
pub mod server;
pub mod servers;

mod edge;
mod request;
pub mod router;
mod routes;
mod views;

pub mod answer;
pub mod etag;
pub mod extract;
pub mod headers;
pub mod idempotency;
pub mod page;
mod personal;
mod places;
pub mod position;
pub mod prefer;
pub mod problem;
pub mod problems;
mod queries;
mod rejected;

mod docs;
mod openapi;

mod admin;
pub mod health;
pub mod metrics;
pub mod telemetry;

#[cfg(test)]
mod tests;

pub use request::{RequestId, TraceParent};
