//! An order on the wire, with its payments, shipments and lines.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use commands::world::States;
use domain::ids::{CartId, CustomerId, OrderId};
use domain::money::Money;
use domain::order::{self, Order};
use domain::payment::{self, Payment};
use domain::sealed::Sealed;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::address::Address;
use super::goods_return::ReturnView;
use super::money::MoneySchema;
use crate::personal::Opened;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub(crate) struct OrderView {
    pub(crate) id: Uuid,
    /// Twelve characters, for people
    #[schema(example = "7K2M9QX4T8VB")]
    pub(crate) number: String,
    /// pending, confirmed, processing, shipped, delivered, cancelled or failed; imported where an earlier system had it
    #[schema(value_type = String, example = "confirmed")]
    pub(crate) status: Cow<'static, str>,
    /// none, pending, declined, action_required, authorized, partially_paid, paid, partially_refunded, refunded, voided, …
    #[schema(value_type = String, example = "authorized")]
    pub(crate) payment_status: Cow<'static, str>,
    /// unfulfilled, backordered, partially_shipped, shipped, partially_delivered, delivered, partially_returned, returned, …
    #[schema(value_type = String, example = "unfulfilled")]
    pub(crate) fulfillment_status: Cow<'static, str>,
    pub(crate) on_hold: bool,
    /// Absent where an earlier system does not say who bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_id: Option<Uuid>,
    /// Absent where the order is of an earlier system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cart_id: Option<Uuid>,
    #[schema(example = "GBP")]
    pub(crate) currency: String,
    pub(crate) lines: Vec<OrderLineView>,
    #[schema(value_type = MoneySchema)]
    pub(crate) subtotal: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) shipping: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) tax: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) discount: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) total: Money,
    pub(crate) payments: Vec<OrderPaymentView>,
    pub(crate) shipments: Vec<ShipmentView>,
    pub(crate) returns: Vec<ReturnView>,
    /// Absent once the person has been erased, and where an earlier system had the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    /// When the order's own stream last changed.
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) version: i64,
    /// Of an order of an earlier system only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) imported: Option<ImportedFromView>,
}

/// Where an order of an earlier system comes from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedFrom)]
pub(crate) struct ImportedFromView {
    #[schema(example = "online-retail")]
    pub(crate) source: String,
    /// What it was called there
    #[schema(example = "536365")]
    pub(crate) reference: String,
    /// What was given back of it there
    #[schema(value_type = MoneySchema)]
    pub(crate) refunded: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderLine)]
pub(crate) struct OrderLineView {
    pub(crate) id: Uuid,
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) quantity: i64,
    #[schema(value_type = MoneySchema)]
    pub(crate) unit_price: Money,
    #[schema(value_type = MoneySchema)]
    pub(crate) line_total: Money,
    pub(crate) shipped: i64,
    pub(crate) delivered: i64,
    pub(crate) cancelled: i64,
    pub(crate) returned: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderPayment)]
pub(crate) struct OrderPaymentView {
    pub(crate) id: Uuid,
    #[schema(value_type = String, example = "authorized")]
    pub(crate) status: Cow<'static, str>,
    #[schema(value_type = MoneySchema)]
    pub(crate) amount: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Shipment)]
pub(crate) struct ShipmentView {
    pub(crate) id: Uuid,
    /// created, dispatched or delivered
    #[schema(value_type = String, example = "dispatched")]
    pub(crate) status: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking: Option<String>,
    pub(crate) lines: Vec<ShippedLineView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dispatched_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delivered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShippedLine)]
pub(crate) struct ShippedLineView {
    pub(crate) line_id: Uuid,
    pub(crate) sku: String,
    pub(crate) quantity: i64,
}

/// What of an order is personal, as it stands in the book.
pub(crate) fn sealed_of(states: &States, id: OrderId) -> Option<(&Sealed, Option<&Sealed>)> {
    let contents = states.get::<Order>(id.as_uuid())?.0.contents()?;
    Some((&contents.shipping_address, contents.email.as_ref()))
}

impl OrderView {
    pub(crate) fn of(states: &States, id: OrderId, opened: Opened) -> Option<Self> {
        let (state, version) = states.get::<Order>(id.as_uuid())?;
        let contents = state.contents()?;
        let totals = contents.totals;
        let payments: Vec<_> = contents
            .payment_ids()
            .into_iter()
            .filter_map(|payment_id| Some((payment_id, states.get::<Payment>(payment_id.as_uuid())?.0.ledger()?)))
            .collect();
        let payment_status = payment::order_axis(payments.iter().map(|(_, ledger)| ledger.status()));
        Some(Self {
            id: id.as_uuid(),
            number: contents.number.to_string(),
            status: state.status().into(),
            payment_status: payment_status.into(),
            fulfillment_status: state.fulfillment_status().into(),
            on_hold: contents.hold.is_some(),
            customer_id: Some(contents.customer_id.as_uuid()),
            cart_id: Some(contents.cart_id.as_uuid()),
            currency: contents.currency().to_string(),
            lines: contents.lines.iter().map(OrderLineView::of).collect(),
            subtotal: totals.subtotal,
            shipping: totals.shipping,
            tax: totals.tax,
            discount: totals.discount,
            total: totals.total,
            payments: payments
                .into_iter()
                .map(|(payment_id, ledger)| OrderPaymentView {
                    id: payment_id.as_uuid(),
                    status: ledger.status().into(),
                    amount: ledger.amount,
                })
                .collect(),
            shipments: contents.shipments.iter().map(ShipmentView::of).collect(),
            returns: contents.returns.iter().map(ReturnView::of).collect(),
            shipping_address: opened.shipping_address,
            email: opened.email,
            created_at: contents.created_at,
            updated_at: states.recorded_at::<Order>(id.as_uuid())?,
            version,
            imported: None,
        })
    }
}

impl OrderView {
    /// Of the read model, its personal data opened for whoever asked.
    pub(crate) fn read(order: projections::orders::Order, opened: Opened) -> Self {
        Self {
            id: order.id.as_uuid(),
            number: order.number.to_string(),
            status: order.status.into(),
            payment_status: order.payment_status.into(),
            fulfillment_status: order.fulfillment_status.into(),
            on_hold: order.on_hold,
            customer_id: order.customer_id.map(CustomerId::as_uuid),
            cart_id: order.cart_id.map(CartId::as_uuid),
            currency: order.currency.to_string(),
            lines: order.lines.into_iter().map(OrderLineView::from).collect(),
            subtotal: order.subtotal,
            shipping: order.shipping,
            tax: order.tax,
            discount: order.discount,
            total: order.total,
            payments: order.payments.into_iter().map(OrderPaymentView::from).collect(),
            shipments: order.shipments.into_iter().map(ShipmentView::from).collect(),
            returns: order.returns.into_iter().map(ReturnView::from).collect(),
            shipping_address: opened.shipping_address,
            email: opened.email,
            created_at: order.created_at,
            updated_at: order.updated_at,
            version: order.version,
            imported: order.imported.map(ImportedFromView::from),
        }
    }
}

impl From<projections::orders::ImportedFrom> for ImportedFromView {
    fn from(from: projections::orders::ImportedFrom) -> Self {
        Self { source: from.source, reference: from.reference, refunded: from.refunded }
    }
}

impl From<projections::orders::OrderLine> for OrderLineView {
    fn from(line: projections::orders::OrderLine) -> Self {
        Self {
            id: line.id.as_uuid(),
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            unit_price: line.unit_price,
            line_total: line.line_total,
            shipped: line.shipped,
            delivered: line.delivered,
            cancelled: line.cancelled,
            returned: line.returned,
        }
    }
}

impl From<projections::orders::OrderPayment> for OrderPaymentView {
    fn from(payment: projections::orders::OrderPayment) -> Self {
        Self { id: payment.id.as_uuid(), status: payment.status.into(), amount: payment.amount }
    }
}

impl From<projections::orders::Shipment> for ShipmentView {
    fn from(shipment: projections::orders::Shipment) -> Self {
        Self {
            id: shipment.id.as_uuid(),
            status: shipment.status.into(),
            carrier: shipment.carrier,
            tracking: shipment.tracking,
            lines: shipment.lines.into_iter().map(ShippedLineView::from).collect(),
            dispatched_at: shipment.dispatched_at,
            delivered_at: shipment.delivered_at,
        }
    }
}

impl From<projections::orders::ShippedUnits> for ShippedLineView {
    fn from(units: projections::orders::ShippedUnits) -> Self {
        Self { line_id: units.line_id.as_uuid(), sku: units.sku, quantity: units.quantity }
    }
}

impl OrderLineView {
    fn of(line: &order::Line) -> Self {
        Self {
            id: line.id.as_uuid(),
            sku: line.sku.to_string(),
            name: line.name.to_string(),
            quantity: line.quantity.get(),
            unit_price: line.unit_price,
            line_total: line.line_total,
            shipped: line.shipped,
            delivered: line.delivered,
            cancelled: line.cancelled,
            returned: line.returned,
        }
    }
}

impl ShippedLineView {
    pub(crate) fn of(units: &order::LineUnits) -> Self {
        Self { line_id: units.line_id.as_uuid(), sku: units.sku.to_string(), quantity: units.quantity.get() }
    }
}

impl ShipmentView {
    pub(crate) fn of(shipment: &order::Shipment) -> Self {
        let dispatch = shipment.dispatch.as_ref();
        Self {
            id: shipment.id.as_uuid(),
            status: shipment.status().into(),
            carrier: dispatch.map(|dispatch| dispatch.carrier.to_string()),
            tracking: dispatch.map(|dispatch| dispatch.tracking.to_string()),
            lines: shipment.lines.iter().map(ShippedLineView::of).collect(),
            dispatched_at: dispatch.map(|dispatch| dispatch.dispatched_at),
            delivered_at: shipment.delivered_at,
        }
    }
}
