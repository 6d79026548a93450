//! Stock, as staff receive, count and move it. What an order does to stock stands with the order.

use chrono::{DateTime, Utc};
use domain::ids::{self, Location, Quantity, Reason, Sku};
use domain::inventory::{self, Command, Inventory, PolicyChange};
use domain::product::Product;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use crate::products::require_product;
use crate::rejection::{Rejection, Shortage};
use crate::stock::at_main;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// The stock that was touched. What lies elsewhere is a query's to add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOutcome {
    pub sku: Sku,
    pub locations: Vec<Location>,
}

impl StockOutcome {
    fn shows(&self) -> Vec<StreamId> {
        self.locations.iter().map(|location| Inventory::stream(ids::inventory_stream(&self.sku, location))).collect()
    }
}

#[derive(Debug, Clone)]
pub struct ReceiveStock {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
}

/// A count or a correction: a fact, whatever it leaves uncovered.
#[derive(Debug, Clone)]
pub struct AdjustStock {
    pub sku: Sku,
    pub location: Location,
    pub delta: i64,
    pub reason: Reason,
}

/// Keeps units on hand and out of sale: damaged, in quality check.
#[derive(Debug, Clone)]
pub struct SetStockAside {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
    pub reason: Reason,
}

#[derive(Debug, Clone)]
pub struct PutStockBack {
    pub sku: Sku,
    pub location: Location,
    pub quantity: Quantity,
    pub reason: Reason,
}

#[derive(Debug, Clone)]
pub struct ChangeStockPolicy {
    pub sku: Sku,
    pub location: Location,
    pub change: PolicyChange,
}

/// Use cases that are one command to the stock of a product at one location.
macro_rules! changes_stock {
    ($($use_case:ident = $name:literal, |$self:ident| $command:expr;)+) => {$(
        impl UseCase for $use_case {
            type Outcome = StockOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, _: &View<'_>) -> Streams {
                stock_at(&self.sku, [&self.location])
            }

            fn decide(&$self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<StockOutcome>, Rejection> {
                let (sku, location) = (&$self.sku, &$self.location);
                require_product(view, sku)?;
                let mut events = Events::default();
                events.decide::<Inventory>(view, ids::inventory_stream(sku, location), $command)?;
                answer(events, view, sku, vec![location.clone()])
            }

            fn shows(outcome: &StockOutcome) -> Vec<StreamId> {
                outcome.shows()
            }
        }
    )+};
}

changes_stock! {
    ReceiveStock = "receive_stock", |self| Command::Receive {
        sku: self.sku.clone(),
        location: self.location.clone(),
        quantity: self.quantity,
    };
    AdjustStock = "adjust_stock", |self| Command::Adjust {
        sku: self.sku.clone(),
        location: self.location.clone(),
        delta: self.delta,
        reason: self.reason.clone(),
    };
    SetStockAside = "set_stock_aside", |self| Command::SetAside {
        quantity: self.quantity,
        reason: self.reason.clone(),
    };
    PutStockBack = "put_stock_back", |self| Command::PutBack {
        quantity: self.quantity,
        reason: self.reason.clone(),
    };
    ChangeStockPolicy = "change_stock_policy", |self| Command::ChangePolicy {
        sku: self.sku.clone(),
        location: self.location.clone(),
        change: self.change,
    };
}

/// N4: conserves the total, since both sides are one append.
#[derive(Debug, Clone)]
pub struct TransferStock {
    pub sku: Sku,
    pub quantity: Quantity,
    pub from: Location,
    pub to: Location,
}

impl UseCase for TransferStock {
    type Outcome = StockOutcome;

    const NAME: &'static str = "transfer_stock";

    fn streams(&self, _: &View<'_>) -> Streams {
        stock_at(&self.sku, [&self.from, &self.to])
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<StockOutcome>, Rejection> {
        require_product(view, &self.sku)?;
        let Self { sku, quantity, from, to } = self.clone();
        let (source, target) = (ids::inventory_stream(&sku, &from), ids::inventory_stream(&sku, &to));
        let mut events = Events::default();
        let take_in = Command::TransferIn { sku: sku.clone(), location: to.clone(), from: from.clone(), quantity };
        events
            .decide::<Inventory>(view, source, Command::TransferOut { to: to.clone(), quantity, now })
            .map_err(|rejection| short_of(&sku, rejection))?;
        events.decide::<Inventory>(view, target, take_in)?;
        answer(events, view, &sku, vec![from, to])
    }

    fn shows(outcome: &StockOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The SKU has stock at this location: it belongs on the list at `main`.
#[derive(Debug, Clone)]
pub struct OpenLocation {
    pub sku: Sku,
    pub location: Location,
}

impl UseCase for OpenLocation {
    type Outcome = StockOutcome;

    const NAME: &'static str = "open_location";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Inventory>(at_main(&self.sku))
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<StockOutcome>, Rejection> {
        let Self { sku, location } = self.clone();
        let mut events = Events::default();
        let opened = location;
        events.decide::<Inventory>(view, at_main(&sku), Command::OpenLocation { sku: sku.clone(), opened })?;
        Ok(events.answer(StockOutcome { sku, locations: vec![Location::main()] }))
    }

    fn shows(outcome: &StockOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The stock of a product at these locations, and at `main`, which knows of all of them.
fn stock_at<'a>(sku: &Sku, locations: impl IntoIterator<Item = &'a Location>) -> Streams {
    let streams = Streams::default().read::<Product>(ids::product_stream(sku)).read::<Inventory>(at_main(sku));
    locations
        .into_iter()
        .fold(streams, |streams, location| streams.read::<Inventory>(ids::inventory_stream(sku, location)))
}

/// With the locations of the SKU that are new, so that orders are served from them.
fn answer(
    mut events: Events,
    view: &View<'_>,
    sku: &Sku,
    mut locations: Vec<Location>,
) -> Result<Decision<StockOutcome>, Rejection> {
    let (main, before) = (Location::main(), events.len());
    for location in locations.iter().filter(|location| **location != main) {
        // Nothing was decided for it, now or ever: then it is none.
        if before == 0 && !view.state::<Inventory>(ids::inventory_stream(sku, location))?.exists() {
            continue;
        }
        let (sku, opened) = (sku.clone(), location.clone());
        events.decide_next::<Inventory>(view, at_main(&sku), Command::OpenLocation { sku, opened })?;
    }
    if events.len() > before && !locations.contains(&main) {
        locations.push(main);
    }
    Ok(events.answer(StockOutcome { sku: sku.clone(), locations }))
}

/// A stream knows how much it lacks; which SKU that is about, only whoever asked.
fn short_of(sku: &Sku, rejection: Rejection) -> Rejection {
    match shortage(sku, &rejection) {
        Some(shortage) => Rejection::OutOfStock { skus: vec![shortage] },
        None => rejection,
    }
}

fn shortage(sku: &Sku, rejection: &Rejection) -> Option<Shortage> {
    let Rejection::Inventory(error) = rejection else { return None };
    let (requested, available) = match *error {
        inventory::Error::OutOfStock { requested, available } => (requested, available),
        inventory::Error::NotOnHand { requested, on_hand } => (requested, on_hand.max(0)),
        _ => return None,
    };
    Some(Shortage { sku: sku.to_string(), requested, available })
}

#[cfg(test)]
mod tests;
