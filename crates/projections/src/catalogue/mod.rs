//! The catalogue: what is sold, as shoppers search it and staff keep it. Knows no stock.

mod apply;
mod list;
mod query;

pub use apply::Catalogue;
pub use list::{Audience, By, FacetCount, Facets, Filter, Products, list};
pub use query::{Product, find};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "catalogue",
    schema_name: "catalogue_v1",
    tables: include_str!("schema.sql"),
    posts: &[Category { name: "product", ignored: &[] }],
    rows: Rows::ByStream,
};
