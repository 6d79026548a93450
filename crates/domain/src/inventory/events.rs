//! What happens to stock, as it is stored and published. Every event names its SKU and location: the stream id is a hash.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{Location, OrderId, Quantity, Reason, ShipmentId, Sku};

crate::events! {
    pub enum Event {
        Received(Received) = "inventory.received" v1,
        Reserved(Reserved) = "inventory.reserved" v1,
        ReservationExtended(ReservationExtended) = "inventory.reservation_extended" v1,
        ReservationReleased(ReservationReleased) = "inventory.reservation_released" v1,
        ReservationExpired(ReservationExpired) = "inventory.reservation_expired" v1,
        Allocated(Allocated) = "inventory.allocated" v1,
        AllocationReleased(AllocationReleased) = "inventory.allocation_released" v1,
        Shipped(Shipped) = "inventory.shipped" v1,
        Adjusted(Adjusted) = "inventory.adjusted" v1,
        TransferredOut(TransferredOut) = "inventory.transferred_out" v1,
        TransferredIn(TransferredIn) = "inventory.transferred_in" v1,
        ReturnedToStock(ReturnedToStock) = "inventory.returned_to_stock" v1,
        SetAside(SetAside) = "inventory.set_aside" v1,
        PutBack(PutBack) = "inventory.put_back" v1,
        PolicyChanged(PolicyChanged) = "inventory.policy_changed" v1,
        LocationOpened(LocationOpened) = "inventory.location_opened" v1,
        CoverageChanged(CoverageChanged) = "inventory.coverage_changed" v1,
        LowStock(LowStock) = "inventory.low_stock" v1,
        OutOfStock(OutOfStock) = "inventory.out_of_stock" v1,
        BackInStock(BackInStock) = "inventory.back_in_stock" v1,
    }
}

impl Event {
    /// What stock it is about.
    pub fn place(&self) -> (&Sku, &Location) {
        match self {
            Self::Received(it) => (&it.sku, &it.location),
            Self::Reserved(it) => (&it.sku, &it.location),
            Self::ReservationExtended(it) => (&it.sku, &it.location),
            Self::ReservationReleased(it) => (&it.sku, &it.location),
            Self::ReservationExpired(it) => (&it.sku, &it.location),
            Self::Allocated(it) => (&it.sku, &it.location),
            Self::AllocationReleased(it) => (&it.sku, &it.location),
            Self::Shipped(it) => (&it.sku, &it.location),
            Self::Adjusted(it) => (&it.sku, &it.location),
            Self::TransferredOut(it) => (&it.sku, &it.location),
            Self::TransferredIn(it) => (&it.sku, &it.location),
            Self::ReturnedToStock(it) => (&it.sku, &it.location),
            Self::SetAside(it) => (&it.sku, &it.location),
            Self::PutBack(it) => (&it.sku, &it.location),
            Self::PolicyChanged(it) => (&it.sku, &it.location),
            Self::LocationOpened(it) => (&it.sku, &it.location),
            Self::CoverageChanged(it) => (&it.sku, &it.location),
            Self::LowStock(it) => (&it.sku, &it.location),
            Self::OutOfStock(it) => (&it.sku, &it.location),
            Self::BackInStock(it) => (&it.sku, &it.location),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationExtended {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationReleased {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationExpired {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
}

/// The order's reservation, where there was one, is used up by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocated {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllocationReleased {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shipped {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub shipment_id: ShipmentId,
    pub quantity: Quantity,
}

/// A count or a correction: a fact, whatever it leaves uncovered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adjusted {
    pub sku: Sku,
    pub location: Location,
    pub delta: i64,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferredOut {
    pub sku: Sku,
    pub location: Location,
    pub to: Location,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransferredIn {
    pub sku: Sku,
    pub location: Location,
    pub from: Location,
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnedToStock {
    pub sku: Sku,
    pub location: Location,
    pub order_id: OrderId,
    pub quantity: Quantity,
}

/// Still on hand, and not for sale: damaged, in quality check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PutBack {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
    pub reason: Reason,
}

/// The whole policy, as it is from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyChanged {
    pub sku: Sku,
    pub location: Location,
    pub low_stock_threshold: i64,
    pub backorder_limit: i64,
    pub safety_stock: i64,
    /// The location with the least is asked first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i64,
}

/// Absent from the policies that were written before there was a priority, and from those that set none.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(priority: &i64) -> bool {
    *priority == 0
}

/// Of the stock at `main`: from now on there may be stock at another location too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LocationOpened {
    pub sku: Sku,
    pub location: Location,
    pub opened: Location,
}

/// N1: orders whose allocations stand otherwise than before. Each is named once; an allocation that is gone needs no units, so
/// its order is among the covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoverageChanged {
    pub sku: Sku,
    pub location: Location,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<OrderId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backordered: Vec<OrderId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<OrderId>,
}

/// N7: what is available fell to the threshold or below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LowStock {
    pub sku: Sku,
    pub location: Location,
    pub available: i64,
    pub threshold: i64,
}

/// N7: nothing is available any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutOfStock {
    pub sku: Sku,
    pub location: Location,
    pub available: i64,
}

/// N7: something is available again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackInStock {
    pub sku: Sku,
    pub location: Location,
    pub available: i64,
}
