//! Stock by SKU: what is there, what is promised, what is left. Knows no product and no order but by its id.

mod apply;
mod query;
mod write;

pub use apply::Stock;
pub use query::{Place, StockLevel, find};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "stock",
    schema_name: "stock_v2",
    tables: include_str!("schema.sql"),
    // Thresholds that were crossed and coverage that changed move no quantity, but they are versions of the stream, and the
    // version is shown.
    posts: &[Category { name: "inventory", ignored: &[] }],
    rows: Rows::ByStream,
};
