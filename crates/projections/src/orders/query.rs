//! The queries for one order and for one payment, and what they return.

use chrono::{DateTime, Utc};
use domain::{
    country::Country,
    ids::{CartId, CustomerId, LineId, OrderId, OrderNumber, PaymentId, ReturnId, ShipmentId},
    money::{Currency, Money},
    sealed::Sealed,
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{
    DEFINITION,
    rows::{OrderRow, PaymentJson},
};
use crate::read_models::{QueryError, ReadModels, Reflects};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    pub id: OrderId,
    pub number: OrderNumber,
    pub status: String,
    pub payment_status: String,
    pub fulfillment_status: String,
    pub on_hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_reason: Option<String>,
    /// Why it was cancelled, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<String>,
    /// An order of an earlier system has neither cart nor address, and not always a customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cart_id: Option<CartId>,
    pub currency: Currency,
    pub lines: Vec<OrderLine>,
    pub subtotal: Money,
    pub shipping: Money,
    pub tax: Money,
    pub discount: Money,
    pub total: Money,
    pub payments: Vec<OrderPayment>,
    pub shipments: Vec<Shipment>,
    pub returns: Vec<Return>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    pub created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// When the order's own stream last changed, and its version; payments have their own.
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFrom>,
}

/// Where an order of an earlier system comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedFrom {
    pub source: String,
    /// What it was called there.
    pub reference: String,
    /// What was given back of it there.
    pub refunded: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderLine {
    pub id: LineId,
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit_price: Money,
    pub line_total: Money,
    pub shipped: i64,
    pub delivered: i64,
    pub cancelled: i64,
    pub returned: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderPayment {
    pub id: PaymentId,
    pub status: String,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shipment {
    pub id: ShipmentId,
    /// `created`, `dispatched` or `delivered`.
    pub status: &'static str,
    pub carrier: Option<String>,
    pub tracking: Option<String>,
    pub lines: Vec<ShippedUnits>,
    pub dispatched_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShippedUnits {
    pub line_id: LineId,
    pub sku: String,
    pub quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Return {
    pub id: ReturnId,
    /// `requested`, `approved`, `rejected` or `received`.
    pub status: String,
    pub reason: String,
    /// Why it was rejected, if somebody said it.
    pub rejection: Option<String>,
    /// What was asked for, and what came.
    pub lines: Vec<ShippedUnits>,
    pub received: Vec<ReceivedUnits>,
    /// What was due for what came.
    pub amount: Option<Money>,
    pub requested_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub received_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivedUnits {
    pub line_id: LineId,
    pub sku: String,
    pub quantity: i64,
    pub restock: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Payment {
    pub id: PaymentId,
    pub order_id: OrderId,
    /// Whose order it pays, for whoever must know before showing it.
    #[serde(skip)]
    pub customer_id: Option<CustomerId>,
    pub status: String,
    pub amount: Money,
    pub authorized: Money,
    pub captured: Money,
    pub refunded: Money,
    pub provider: String,
    pub method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

/// One round trip.
pub async fn find(models: &ReadModels, id: OrderId) -> Result<(Option<Order>, Reflects), QueryError> {
    let answer = sqlx::query_file!("src/orders/sql/find_order.sql", DEFINITION.schema_name, id.as_uuid())
        .fetch_optional(models.pool())
        .await?
        .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, answer.position, answer.lag_ms, answer.is_incomplete)?;
    Ok((answer.found.map(|Json(row)| Order::from(row)), reflects))
}

/// One round trip.
pub async fn find_payment(models: &ReadModels, id: PaymentId) -> Result<(Option<Payment>, Reflects), QueryError> {
    let found = sqlx::query_file!("src/orders/sql/find_payment.sql", DEFINITION.schema_name, id.as_uuid())
        .fetch_optional(models.pool())
        .await?
        .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, found.position, found.lag_ms, found.is_incomplete)?;
    Ok((found.payment.map(|Json(row)| Payment::from(row)), reflects))
}
