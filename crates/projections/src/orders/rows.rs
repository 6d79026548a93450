//! Rows of orders as the queries return them, in JSON, and what they become.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    country::Country,
    ids::{CartId, CustomerId, LineId, OrderId, OrderNumber, PaymentId, ReturnId, ShipmentId},
    money::{Currency, Money},
    sealed::Sealed,
};
use serde::Deserialize;

use super::query::{
    ImportedFrom, Order, OrderLine, OrderPayment, Payment, ReceivedUnits, Return, Shipment, ShippedUnits,
};

#[derive(Debug, Deserialize)]
pub(super) struct OrderRow {
    pub(super) id: OrderId,
    number: OrderNumber,
    status: String,
    payment_status: String,
    fulfillment_status: String,
    hold_reason: Option<String>,
    end_reason: Option<String>,
    customer_id: Option<CustomerId>,
    cart_id: Option<CartId>,
    currency: Currency,
    subtotal: i64,
    shipping: i64,
    tax: i64,
    discount: i64,
    pub(super) total: i64,
    shipping_address: Option<Sealed>,
    email: Option<Sealed>,
    country: Option<Country>,
    pub(super) created_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    version: i64,
    imported_from: Option<String>,
    imported_reference: Option<String>,
    imported_refunds: Option<i64>,
    lines: Vec<LineRow>,
    shipments: Vec<ShipmentRow>,
    returns: Vec<ReturnRow>,
    payments: Vec<OrderPaymentRow>,
}

#[derive(Debug, Deserialize)]
struct LineRow {
    id: LineId,
    sku: String,
    name: String,
    quantity: i64,
    unit_price: i64,
    line_total: i64,
    cancelled: i64,
}

#[derive(Debug, Deserialize)]
struct ShipmentRow {
    id: ShipmentId,
    lines: Vec<ShippedUnits>,
    carrier: Option<String>,
    tracking: Option<String>,
    dispatched_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct ReturnRow {
    id: ReturnId,
    status: String,
    reason: String,
    rejection: Option<String>,
    lines: Vec<ShippedUnits>,
    received: Option<Vec<ReceivedUnits>>,
    amount: Option<i64>,
    requested_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    received_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
struct OrderPaymentRow {
    id: PaymentId,
    status: String,
    amount: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct PaymentJson {
    id: PaymentId,
    order_id: OrderId,
    customer_id: Option<CustomerId>,
    status: String,
    amount: i64,
    authorized: i64,
    captured: i64,
    refunded: i64,
    currency: Currency,
    provider: String,
    method: String,
    action_url: Option<String>,
    failure: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

impl From<OrderRow> for Order {
    fn from(row: OrderRow) -> Self {
        let money = |amount| Money::new(amount, row.currency);
        let moved = Moved::by(&row.shipments, &row.returns);
        let imported = match (row.imported_from, row.imported_reference, row.imported_refunds) {
            (Some(source), Some(reference), Some(refunds)) => {
                Some(ImportedFrom { source, reference, refunded: money(refunds) })
            }
            _ => None,
        };
        let is_imported = imported.is_some();
        Self {
            id: row.id,
            number: row.number,
            status: row.status,
            payment_status: row.payment_status,
            fulfillment_status: row.fulfillment_status,
            on_hold: row.hold_reason.is_some(),
            hold_reason: row.hold_reason,
            end_reason: row.end_reason,
            customer_id: row.customer_id,
            cart_id: row.cart_id,
            currency: row.currency,
            lines: row.lines.into_iter().map(|line| line.shown(row.currency, &moved, is_imported)).collect(),
            subtotal: money(row.subtotal),
            shipping: money(row.shipping),
            tax: money(row.tax),
            discount: money(row.discount),
            total: money(row.total),
            payments: row
                .payments
                .into_iter()
                .map(|payment| OrderPayment { id: payment.id, status: payment.status, amount: money(payment.amount) })
                .collect(),
            shipments: row.shipments.into_iter().map(Shipment::from).collect(),
            returns: row.returns.into_iter().map(|known| known.shown(row.currency)).collect(),
            shipping_address: row.shipping_address,
            email: row.email,
            country: row.country,
            created_at: row.created_at,
            confirmed_at: row.confirmed_at,
            completed_at: row.completed_at,
            updated_at: row.updated_at,
            version: row.version,
            imported,
        }
    }
}

/// Units that shipments and returns moved, by line.
#[derive(Default)]
struct Moved {
    shipped: HashMap<LineId, i64>,
    delivered: HashMap<LineId, i64>,
    returned: HashMap<LineId, i64>,
}

impl Moved {
    fn by(shipments: &[ShipmentRow], returns: &[ReturnRow]) -> Self {
        let mut moved = Self::default();
        for shipment in shipments {
            for line in &shipment.lines {
                *moved.shipped.entry(line.line_id).or_default() += line.quantity;
                if shipment.delivered_at.is_some() {
                    *moved.delivered.entry(line.line_id).or_default() += line.quantity;
                }
            }
        }
        for units in returns.iter().filter_map(|known| known.received.as_ref()).flatten() {
            *moved.returned.entry(units.line_id).or_default() += units.quantity;
        }
        moved
    }
}

impl LineRow {
    /// What an earlier system charged it also sent, without a parcel that is known of.
    fn shown(self, currency: Currency, moved: &Moved, is_imported: bool) -> OrderLine {
        let of_earlier = if is_imported { self.quantity } else { 0 };
        OrderLine {
            id: self.id,
            sku: self.sku,
            name: self.name,
            quantity: self.quantity,
            unit_price: Money::new(self.unit_price, currency),
            line_total: Money::new(self.line_total, currency),
            shipped: moved.shipped.get(&self.id).copied().unwrap_or(of_earlier),
            delivered: moved.delivered.get(&self.id).copied().unwrap_or(of_earlier),
            cancelled: self.cancelled,
            returned: moved.returned.get(&self.id).copied().unwrap_or_default(),
        }
    }
}

impl ReturnRow {
    fn shown(self, currency: Currency) -> Return {
        Return {
            id: self.id,
            status: self.status,
            reason: self.reason,
            rejection: self.rejection,
            lines: self.lines,
            received: self.received.unwrap_or_default(),
            amount: self.amount.map(|amount| Money::new(amount, currency)),
            requested_at: self.requested_at,
            decided_at: self.decided_at,
            received_at: self.received_at,
        }
    }
}

impl From<ShipmentRow> for Shipment {
    fn from(row: ShipmentRow) -> Self {
        let status = match (row.dispatched_at, row.delivered_at) {
            (_, Some(_)) => "delivered",
            (Some(_), None) => "dispatched",
            (None, None) => "created",
        };
        Self {
            id: row.id,
            status,
            carrier: row.carrier,
            tracking: row.tracking,
            lines: row.lines,
            dispatched_at: row.dispatched_at,
            delivered_at: row.delivered_at,
        }
    }
}

impl From<PaymentJson> for Payment {
    fn from(row: PaymentJson) -> Self {
        let money = |amount| Money::new(amount, row.currency);
        Self {
            id: row.id,
            order_id: row.order_id,
            customer_id: row.customer_id,
            status: row.status,
            amount: money(row.amount),
            authorized: money(row.authorized),
            captured: money(row.captured),
            refunded: money(row.refunded),
            provider: row.provider,
            method: row.method,
            action_url: row.action_url,
            failure: row.failure,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}
