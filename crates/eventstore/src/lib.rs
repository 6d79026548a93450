//! The book: one append-only, dense and chained log of events in Postgres. Knows no cart.

pub mod event;
