//! Stock on the wire.

use chrono::{DateTime, Utc};
use commands::world::States;
use domain::ids::{Location, Sku, inventory_stream};
use domain::inventory::Inventory;
use serde::Serialize;
use utoipa::ToSchema;

/// The stock of a SKU. After a command it covers the locations that the command touched, in a query all of them.
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
}

impl From<projections::stock::StockLevel> for StockView {
    fn from(stock: projections::stock::StockLevel) -> Self {
        let locations = stock.locations.into_iter().map(|place| StockAtView {
            location: place.location,
            on_hand: place.on_hand,
            reserved: place.reserved,
            allocated: place.allocated,
            unavailable: place.unavailable,
            available: place.available,
        });
        Self::sum(stock.sku, locations.collect(), stock.version)
    }
}

impl StockView {
    /// The stock at these locations, as of `now`: a reservation counts until it expires.
    pub(crate) fn of(states: &States, sku: &Sku, locations: &[Location], now: DateTime<Utc>) -> Self {
        let mut version = 0;
        let mut places = Vec::new();
        for location in locations {
            let Some((state, at)) = states.get::<Inventory>(inventory_stream(sku, location)) else { continue };
            version = if version == 0 { at } else { version };
            places.push(StockAtView {
                location: location.to_string(),
                on_hand: state.on_hand(),
                reserved: state.reserved(now),
                allocated: state.allocated(),
                unavailable: state.unavailable(),
                available: state.available(now),
            });
        }
        Self::sum(sku.to_string(), places, version)
    }

    pub(crate) fn sum(sku: String, locations: Vec<StockAtView>, version: i64) -> Self {
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
