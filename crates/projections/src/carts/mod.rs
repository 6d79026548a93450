//! Carts as their owners see them. The rows are keyed by cart and SKU; knows no product and no stock.

mod apply;
mod query;
mod write;

pub use apply::Carts;
pub use query::{Cart, CartLine, find};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "carts",
    schema_name: "carts_v1",
    tables: include_str!("schema.sql"),
    posts: &[Category { name: "cart", ignored: &[] }],
    rows: Rows::ByStream,
};
