//! What happens to orders, as it is stored and published.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::imported::{Imported, ImportedRefund};
use crate::{
    country::Country,
    ids::{
        CartId, CustomerId, LineId, Location, OrderNumber, PaymentId, Quantity, Reason, RefundId, ReturnId, ShipmentId,
        Sku, Text,
    },
    money::Money,
    product::Name,
    sealed::Sealed,
};

pub type Carrier = Text<100>;
pub type Tracking = Text<100>;

crate::events! {
    pub enum Event {
        Created(Box<Created>) = "order.created" v1,
        Confirmed(Confirmed) = "order.confirmed" v1,
        Held(Held) = "order.held" v1,
        Released(Released) = "order.released" v1,
        ShipmentCreated(ShipmentCreated) = "order.shipment_created" v1,
        ShipmentDispatched(ShipmentDispatched) = "order.shipment_dispatched" v1,
        ShipmentDelivered(ShipmentDelivered) = "order.shipment_delivered" v1,
        LinesCancelled(LinesCancelled) = "order.lines_cancelled" v1,
        Cancelled(Cancelled) = "order.cancelled" v1,
        Failed(Failed) = "order.failed" v1,
        Completed(Completed) = "order.completed" v1,
        Imported(Box<Imported>) = "order.imported" v1,
        ImportedRefund(ImportedRefund) = "order.imported_refund" v1,
        RefundGranted(RefundGranted) = "order.refund_granted" v1,
        PaymentRetried(PaymentRetried) = "order.payment_retried" v1,
        ReturnRequested(ReturnRequested) = "order.return_requested" v1,
        ReturnApproved(ReturnApproved) = "order.return_approved" v1,
        ReturnRejected(ReturnRejected) = "order.return_rejected" v1,
        ReturnReceived(ReturnReceived) = "order.return_received" v1,
        AddressCorrected(AddressCorrected) = "order.address_corrected" v1,
    }
}

/// O3: `subtotal + shipping + tax - discount = total`. The country stands outside the sealed address: it alone names nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Created {
    pub number: OrderNumber,
    pub cart_id: CartId,
    pub payment_id: PaymentId,
    pub customer_id: CustomerId,
    pub lines: Vec<CreatedLine>,
    pub subtotal: Money,
    pub shipping: Money,
    pub tax: Money,
    pub discount: Money,
    pub total: Money,
    pub shipping_address: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Sealed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreatedLine {
    pub id: LineId,
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub line_total: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The payment that covers it.
    pub payment_id: PaymentId,
    pub confirmed_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Released {}

/// Some units of one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineUnits {
    pub line_id: LineId,
    pub sku: Sku,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentCreated {
    pub shipment_id: ShipmentId,
    pub lines: Vec<LineUnits>,
    /// What is due for these lines: their prices, and their share of shipping, tax and discount.
    pub amount: Money,
    /// The one location that it leaves, where that is another than `main`: what comes back is unpacked there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentDispatched {
    pub shipment_id: ShipmentId,
    pub carrier: Carrier,
    pub tracking: Tracking,
    pub amount: Money,
    pub dispatched_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShipmentDelivered {
    pub shipment_id: ShipmentId,
    pub delivered_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinesCancelled {
    pub lines: Vec<LineUnits>,
    /// What will not be due: the prices of these units, and their share of shipping, tax and discount.
    pub amount: Money,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cancelled {
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub reason: Failure,
}

/// Why a pending order could not be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Nobody paid in time.
    PaymentExpired,
    /// The payment was refused, and is not tried again.
    PaymentFailed,
    /// Its reservation had ended, and others had taken the stock.
    OutOfStock,
}

impl Failure {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaymentExpired => "payment_expired",
            Self::PaymentFailed => "payment_failed",
            Self::OutOfStock => "out_of_stock",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    pub completed_at: DateTime<Utc>,
}

/// Money is given back. Each payment that gives a part of it is asked for it in the same append, under the same `refund_id`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RefundGranted {
    pub refund_id: RefundId,
    pub amount: Money,
    pub reason: Reason,
    /// What it is given back for, where it is for goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineUnits>,
    /// Their amounts add up to the whole.
    pub payments: Vec<RefundPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RefundPart {
    pub payment_id: PaymentId,
    pub amount: Money,
}

/// Somebody tries to pay by another method: the order is not to be paid twice, so it knows every try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentRetried {
    pub payment_id: PaymentId,
}

/// Somebody wants to send goods back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnRequested {
    pub return_id: ReturnId,
    pub lines: Vec<LineUnits>,
    pub reason: Reason,
    pub requested_at: DateTime<Utc>,
}

/// They may be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnApproved {
    pub return_id: ReturnId,
    pub approved_at: DateTime<Utc>,
}

/// They may not, or did not come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnRejected {
    pub return_id: ReturnId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    pub rejected_at: DateTime<Utc>,
}

/// They are back. What was asked for and is not among them was not sent. Money is given back by a decision of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnReceived {
    pub return_id: ReturnId,
    pub lines: Vec<ReceivedUnits>,
    /// What was due for these units: their prices, and their share of shipping, tax and discount.
    pub amount: Money,
    pub received_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceivedUnits {
    pub line_id: LineId,
    pub sku: Sku,
    pub quantity: Quantity,
    /// Whether they went back into stock.
    pub restock: bool,
}

/// Where it is sent. The country stands outside the sealed address: it alone names nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddressCorrected {
    pub shipping_address: Sealed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}
