//! The read models on a real Postgres: given events in the book, when they are posted, then the queries say so.

mod carts;
mod catalogue;
mod conservation;
mod imported;
mod orders;
mod parking;
mod random_shop;
mod refunds;
mod replay;
mod runner;
mod sales;
mod shop;
mod stock;
mod waiting;
