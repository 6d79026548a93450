//! Sales by day, SKU, currency and country: what was sold, counted when an order is confirmed, less what is cancelled of it, by
//! the country that it was ordered to, wherever it was sent in the end; and what was given back of that, counted when it was
//! given back. Orders of an earlier system are counted when they were made, and refunds when they were made there. Its rows add
//! up over orders, so it stops at what it cannot post.

mod apply;
mod order;
mod refunds;
mod report;
mod write;

pub use apply::Sales;
pub use report::{Dimension, Filter, SalesRow, UnknownDimension, report};

use crate::projection::{Category, Definition, Rows};

pub static DEFINITION: Definition = Definition {
    name: "sales",
    schema_name: "sales_v2",
    tables: include_str!("schema.sql"),
    posts: &[
        Category {
            name: "order",
            ignored: &[
                "order.held",
                "order.released",
                "order.shipment_created",
                "order.shipment_dispatched",
                "order.shipment_delivered",
                "order.completed",
                "order.payment_retried",
                "order.return_requested",
                "order.return_approved",
                "order.return_rejected",
                // Goods are one thing and money another: a refund tells of it.
                "order.return_received",
                "order.address_corrected",
            ],
        },
        Category {
            name: "payment",
            // All but the refunds that a provider has made.
            ignored: &[
                "payment.initiated",
                "payment.authorization_requested",
                "payment.action_required",
                "payment.authorized",
                "payment.failed",
                "payment.capture_requested",
                "payment.captured",
                "payment.completed",
                "payment.void_requested",
                "payment.voided",
                "payment.expired",
                "payment.refund_requested",
                "payment.refunded",
                "payment.refund_failed",
                "payment.disputed",
                "payment.charged_back",
                "payment.dispute_won",
                "payment.reconciled",
                "payment.discrepancy_found",
            ],
        },
    ],
    rows: Rows::OverAll,
};
