//! Stock on the wire.

use chrono::{DateTime, Utc};
use domain::ids::{Location, Sku};
use domain::inventory::{self, Policy};
use serde::Serialize;
use utoipa::ToSchema;

/// The stock of a SKU over all its locations. In the answer to a command, those that it did not touch may be a moment behind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stock)]
pub(crate) struct StockView {
    pub(crate) sku: String,
    pub(crate) on_hand: i64,
    /// Promised to orders that are not paid yet, for a while.
    pub(crate) reserved: i64,
    /// Promised to confirmed orders.
    pub(crate) allocated: i64,
    /// Damaged, in quality check, or kept for safety.
    pub(crate) unavailable: i64,
    /// What can be sold: on hand less everything else.
    pub(crate) available: i64,
    pub(crate) locations: Vec<StockAtView>,
    /// Of all locations together.
    pub(crate) version: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockAt)]
pub(crate) struct StockAtView {
    #[schema(example = "main")]
    pub(crate) location: String,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) allocated: i64,
    pub(crate) unavailable: i64,
    pub(crate) available: i64,
    pub(crate) low_stock_threshold: i64,
    pub(crate) backorder_limit: i64,
    /// Kept from new orders; part of what is unavailable.
    pub(crate) safety_stock: i64,
    /// Orders are served from the location with the least first.
    pub(crate) priority: i64,
}

impl From<projections::stock::StockLevel> for StockView {
    fn from(stock: projections::stock::StockLevel) -> Self {
        Self::sum(stock.sku, stock.version, stock.locations.into_iter().map(StockAtView::from).collect())
    }
}

impl From<projections::stock::Place> for StockAtView {
    fn from(place: projections::stock::Place) -> Self {
        Self {
            location: place.location,
            on_hand: place.on_hand,
            reserved: place.reserved,
            allocated: place.allocated,
            unavailable: place.unavailable,
            available: place.available,
            low_stock_threshold: place.low_stock_threshold,
            backorder_limit: place.backorder_limit,
            safety_stock: place.safety_stock,
            priority: place.priority,
        }
    }
}

impl StockAtView {
    /// As of `now`: a reservation counts until it expires.
    pub(crate) fn of(location: &Location, state: &inventory::State, now: DateTime<Utc>) -> Self {
        let Policy { low_stock_threshold, backorder_limit, safety_stock, priority } = state.policy();
        Self {
            location: location.to_string(),
            on_hand: state.on_hand(),
            reserved: state.reserved(now),
            allocated: state.allocated(),
            unavailable: state.unavailable(),
            available: state.available(now),
            low_stock_threshold,
            backorder_limit,
            safety_stock,
            priority,
        }
    }
}

impl StockView {
    /// Of places with their versions, in any order.
    pub(crate) fn over(sku: &Sku, mut places: Vec<(i64, StockAtView)>) -> Self {
        places.sort_by(|(_, one), (_, other)| one.location.cmp(&other.location));
        let version = places.iter().map(|(version, _)| version).sum();
        Self::sum(sku.to_string(), version, places.into_iter().map(|(_, at)| at).collect())
    }

    fn sum(sku: String, version: i64, locations: Vec<StockAtView>) -> Self {
        let total = |of: fn(&StockAtView) -> i64| locations.iter().map(of).fold(0, i64::saturating_add);
        Self {
            sku,
            on_hand: total(|at| at.on_hand),
            reserved: total(|at| at.reserved),
            allocated: total(|at| at.allocated),
            unavailable: total(|at| at.unavailable),
            available: total(|at| at.available),
            locations,
            version,
        }
    }
}
