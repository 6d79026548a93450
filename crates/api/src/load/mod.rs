//! `daybook load`: puts a year of real invoices through HTTP, as shoppers and staff would, and reconciles what came of it.

pub mod baskets;
mod country;
mod histogram;
mod line;
pub mod plan;
mod price;
