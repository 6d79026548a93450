//! Where the rules meet the book: use cases, the executor that decides and appends them, and the processes that
//! follow. Knows no HTTP and no read model.
//!
//! Read [`use_case`] for what a command is, then [`executor`] for how it becomes a page of the book.

pub mod use_case;
pub mod world;

mod batch;
mod job;
mod loading;
mod metadata;

pub mod command;
pub mod executor;
pub mod rejection;
pub mod process;
pub mod vault;
