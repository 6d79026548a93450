//! Where the rules meet the book: use cases, the executor that decides and appends them, and the processes that
//! follow. Knows no HTTP and no read model.
//!
//! Read [`use_case`] for what a command is, then [`executor`] for how it becomes a page of the book. What can be asked
//! for stands in [`products`], [`inventory`], [`carts`], [`checkout`], [`orders`], [`imports`] and [`payments`].

pub mod use_case;
pub mod world;

pub mod products;

pub mod inventory;
mod stock;

pub mod carts;

pub mod checkout;

pub mod orders;

pub mod imports;

pub mod payments;

mod batch;
pub mod clock;
mod histories;
mod job;
mod loading;
mod metadata;
pub mod snapshots;

pub mod command;
pub mod executor;
pub mod model;
pub mod rejection;

pub mod gateway;
pub mod process;
pub mod session;
pub mod vault;

#[cfg(test)]
mod spec;
