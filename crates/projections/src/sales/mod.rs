//! Sales by day, SKU, currency and country, counted when an order is confirmed, less what is cancelled of it, by the country that
//! it was ordered to, wherever it was sent in the end; those of an earlier system are counted when they were made. Its rows add
//! up over orders, so it stops at what it cannot post.

mod apply;
mod report;
mod write;

pub use apply::Sales;
pub use report::{Dimension, Filter, SalesRow, UnknownDimension, report};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "sales",
    schema_name: "sales_v1",
    tables: include_str!("schema.sql"),
    posts: &[Category {
        name: "order",
        ignored: &[
            "order.held",
            "order.released",
            "order.coverage_changed",
            "order.shipment_created",
            "order.shipment_dispatched",
            "order.shipment_delivered",
            "order.refund_granted",
            "order.payment_retried",
            "order.return_requested",
            "order.return_approved",
            "order.return_rejected",
            "order.return_received",
            "order.address_corrected",
            // What was given back is on the order: sales are as they were charged.
            "order.imported_refund",
        ],
    }],
    rows: Rows::OverAll,
};
