//! What happens to carts, as it is stored and published.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CartId, CustomerId, OrderId, Quantity, Sku, Text},
    money::{Currency, Money},
    product::Name,
};

crate::events! {
    pub enum Event {
        Opened(Opened) = "cart.opened" v1,
        ItemAdded(ItemAdded) = "cart.item_added" v1,
        ItemQuantityChanged(ItemQuantityChanged) = "cart.item_quantity_changed" v1,
        ItemRemoved(ItemRemoved) = "cart.item_removed" v1,
        Repriced(Repriced) = "cart.repriced" v1,
        CustomerAssigned(CustomerAssigned) = "cart.customer_assigned" v1,
        Merged(Merged) = "cart.merged" v1,
        CheckedOut(CheckedOut) = "cart.checked_out" v1,
        Discarded(Discarded) = "cart.discarded" v1,
        Expired(Expired) = "cart.expired" v1,
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    pub customer_id: CustomerId,
    pub guest: bool,
    pub currency: Currency,
    pub opened_at: DateTime<Utc>,
}

/// `quantity` is what was added; the line then has that much more, and all of it at `unit_price`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemAdded {
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemQuantityChanged {
    pub sku: Sku,
    pub quantity: Quantity,
    pub previous_quantity: Quantity,
    pub unit_price: Money,
}

/// `quantity` is what the line had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemRemoved {
    pub sku: Sku,
    pub quantity: Quantity,
}

/// The lines whose price changed, and the cart's new total.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repriced {
    pub lines: Vec<RepricedLine>,
    pub total: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepricedLine {
    pub sku: Sku,
    pub unit_price: Money,
    pub previous_unit_price: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerAssigned {
    pub customer_id: CustomerId,
    pub previous_customer_id: CustomerId,
}

/// This cart's items went into another one, except what was dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    pub into: CartId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

/// Units that found no room in the other cart. The reason is a code: `quantity_out_of_range`, `too_many_lines`, ….
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    pub sku: Sku,
    pub quantity: Quantity,
    pub reason: Text<64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedOut {
    pub order_id: OrderId,
    pub total: Money,
    pub checked_out_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discarded {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expired {}
