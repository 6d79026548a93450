//! The program `daybook` as its users start it: what it prints, what it exits with, and what it leaves behind.
//!
//! Read [`program`] for how a test starts it.

mod program;

mod book;
mod conservation;
mod dev;
mod documents;
mod import;
mod load;
mod named;
mod processes;
mod providers;
mod refusals;
mod serve;
mod webhooks;
