//! Orders with their lines, shipments, returns and payments. Personal data stays sealed here.

mod apply;
mod fixed;
mod life;
mod list;
mod payment_row;
mod query;
mod returns;
mod rows;
mod timeline;
mod write;

pub use apply::Orders;
pub(crate) use apply::order_of;
pub use list::{By, Filter, NEWEST_FIRST, list};
pub use query::{
    ImportedFrom, Order, OrderLine, OrderPayment, Payment, ReceivedUnits, Return, Shipment, ShippedUnits, find,
    find_payment,
};
pub use timeline::{Entry, Timeline, timeline};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "orders",
    schema_name: "orders_v3",
    tables: include_str!("schema.sql"),
    // Events of payments that change no amount are versions of their stream, and the version is shown.
    posts: &[Category { name: "order", ignored: &[] }, Category { name: "payment", ignored: &[] }],
    rows: Rows::ByStream,
};
