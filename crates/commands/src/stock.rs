//! What an order does to stock, over every location of its SKUs: each function decides for all of them at once.
//!
//! The stock at `main` says where else a SKU lies, so a shop with one location reads one stream a SKU. A SKU is looked for at
//! every location that it has, and not only where it was reserved when the order was made: where nothing is held, letting
//! go decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::ids::{self, Location, OrderId, Quantity, ShipmentId, Sku};
use domain::inventory::{self, Command, Inventory, Share, Source, spread};
use uuid::Uuid;

use crate::rejection::{Rejection, Shortage};
use crate::use_case::{Events, Streams, View};

/// The stock of a SKU at `main`, and then everywhere else.
pub(crate) fn read(streams: Streams, view: &View<'_>, sku: &Sku) -> Streams {
    let main = at_main(sku);
    let streams = streams.read::<Inventory>(main);
    match view.seen::<Inventory>(main) {
        Some(stock) => stock
            .elsewhere()
            .iter()
            .fold(streams, |streams, location| streams.read::<Inventory>(ids::inventory_stream(sku, location))),
        None => streams,
    }
}

pub(crate) fn at_main(sku: &Sku) -> Uuid {
    ids::inventory_stream(sku, &Location::main())
}

/// The stock of one SKU at one of its locations.
struct Stock<'a> {
    stream: Uuid,
    location: Location,
    state: &'a inventory::State,
}

impl Stock<'_> {
    fn promised(&self, order_id: OrderId) -> i64 {
        self.state.allocation(order_id).map_or(0, |allocation| allocation.quantity.get())
    }

    /// Of what is promised, what is there to be sent.
    fn at_hand(&self, order_id: OrderId) -> i64 {
        let fit = self.state.on_hand().saturating_sub(self.state.set_aside()).max(0);
        self.promised(order_id).min(fit)
    }
}

/// `main` first, the others in the order in which they were opened.
fn everywhere<'a>(view: &View<'a>, sku: &Sku) -> Result<Vec<Stock<'a>>, Rejection> {
    let main = at_main(sku);
    let state = view.state::<Inventory>(main)?;
    let mut stocks = vec![Stock { stream: main, location: Location::main(), state }];
    for location in state.elsewhere() {
        let stream = ids::inventory_stream(sku, location);
        stocks.push(Stock { stream, location: location.clone(), state: view.state::<Inventory>(stream)? });
    }
    Ok(stocks)
}

fn shares(
    order_id: OrderId,
    quantity: Quantity,
    stocks: &[Stock<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Share>, inventory::Error> {
    let sources: Vec<_> = stocks.iter().map(|Stock { location, state, .. }| Source { location, state }).collect();
    spread(order_id, quantity, &sources, now)
}

/// What a SKU lacks, if that is why it was refused.
fn lacking(sku: &Sku, error: inventory::Error) -> Result<Shortage, Rejection> {
    match error {
        inventory::Error::OutOfStock { requested, available } => {
            Ok(Shortage { sku: sku.to_string(), requested, available })
        }
        other => Err(other.into()),
    }
}

/// N6: all or nothing, and everything that is short is told at once. N5: each SKU comes once.
pub(crate) fn reserve<'a>(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    demand: impl IntoIterator<Item = (&'a Sku, Quantity)>,
    (expires_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), Rejection> {
    let mut short = Vec::new();
    for (sku, quantity) in demand {
        let stocks = everywhere(view, sku)?;
        match shares(order_id, quantity, &stocks, now) {
            Ok(shares) => {
                for stock in stocks {
                    let Some(share) = shares.iter().find(|share| share.location == stock.location) else { continue };
                    let command = Command::Reserve { order_id, quantity: share.quantity, expires_at, now };
                    events.decide::<Inventory>(view, stock.stream, command)?;
                }
            }
            Err(error) => short.push(lacking(sku, error)?),
        }
    }
    if short.is_empty() { Ok(()) } else { Err(Rejection::OutOfStock { skus: short }) }
}

/// N8: what lives is extended where it is, and what does not is asked for anew; all or nothing.
pub(crate) fn hold(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    demand: &BTreeMap<Sku, Quantity>,
    (expires_at, now): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), Rejection> {
    let mut lapsed = Vec::new();
    for (sku, quantity) in demand {
        let live = |stock: &&Stock<'_>| stock.state.reservation(order_id).is_some_and(|one| one.is_live(now));
        let stocks = everywhere(view, sku)?;
        // The reservations of an order are made, extended and ended together.
        if !stocks.iter().any(|stock| live(&stock)) {
            lapsed.push((sku, *quantity));
        }
        for stock in stocks.iter().filter(live) {
            let extend = Command::ExtendReservation { order_id, expires_at, now };
            events.decide::<Inventory>(view, stock.stream, extend)?;
        }
    }
    reserve(events, view, order_id, lapsed, (expires_at, now))
}

/// What was reserved is promised for good. N3: what a reservation that expired meanwhile had held is asked for anew, and may be
/// found elsewhere. False, with nothing decided that could stand, if a SKU is short.
pub(crate) fn allocate(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    demand: BTreeMap<Sku, Quantity>,
    now: DateTime<Utc>,
) -> Result<bool, Rejection> {
    for (sku, quantity) in demand {
        let stocks = everywhere(view, &sku)?;
        let shares = match shares(order_id, quantity, &stocks, now) {
            Ok(shares) => shares,
            Err(error) => return lacking(&sku, error).map(|_| false),
        };
        for stock in stocks {
            let share = shares.iter().find(|share| share.location == stock.location);
            let command = match share {
                Some(Share { quantity, .. }) => Command::Allocate { order_id, quantity: *quantity, now },
                // Nothing but this would ever end one that has expired here.
                None => Command::ReleaseReservation { order_id },
            };
            events.decide::<Inventory>(view, stock.stream, command)?;
        }
    }
    Ok(true)
}

/// Runs a command to the stock of these SKUs wherever they lie.
pub(crate) fn everywhere_decide(
    events: &mut Events,
    view: &View<'_>,
    skus: impl IntoIterator<Item = Sku>,
    command: &Command,
) -> Result<(), Rejection> {
    for sku in skus {
        for stock in everywhere(view, &sku)? {
            events.decide::<Inventory>(view, stock.stream, command.clone())?;
        }
    }
    Ok(())
}

/// Lets go of some of the units that are promised to an order: first of those that are not there to be sent.
pub(crate) fn release(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    sku: &Sku,
    quantity: Quantity,
) -> Result<(), Rejection> {
    let mut stocks = everywhere(view, sku)?;
    stocks.sort_by_key(|stock| (stock.at_hand(order_id), -stock.state.policy().priority));
    let mut left = quantity.get();
    for stock in &stocks {
        if let Ok(part) = Quantity::new(left.min(stock.promised(order_id))) {
            left -= part.get();
            let command = Command::ReleaseAllocation { order_id, quantity: Some(part) };
            events.decide::<Inventory>(view, stock.stream, command)?;
        }
    }
    if left == 0 {
        return Ok(());
    }
    Err(inventory::Error::NotAllocated { requested: quantity.get(), allocated: quantity.get() - left }.into())
}

/// A parcel: the order's, this one of it, and where it is packed, if that is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parcel<'a> {
    pub(crate) order_id: OrderId,
    pub(crate) shipment_id: ShipmentId,
    pub(crate) location: Option<&'a Location>,
}

/// N6: all or nothing, and everything that is not there is told at once.
pub(crate) fn ship(
    events: &mut Events,
    view: &View<'_>,
    parcel: Parcel<'_>,
    units: BTreeMap<Sku, Quantity>,
) -> Result<(), Rejection> {
    let mut short = Vec::new();
    for (sku, quantity) in units {
        let stocks = packed_from(view, &sku, parcel.location)?;
        let requested = quantity.get();
        let allocated = stocks.iter().map(|stock| stock.promised(parcel.order_id)).sum();
        let available = stocks.iter().map(|stock| stock.at_hand(parcel.order_id)).sum();
        if requested > allocated {
            return Err(inventory::Error::NotAllocated { requested, allocated }.into());
        }
        if requested > available {
            short.push(Shortage { sku: sku.to_string(), requested, available });
            continue;
        }
        for (stock, quantity) in taken(stocks, parcel.order_id, quantity) {
            let Parcel { order_id, shipment_id, .. } = parcel;
            let command = Command::Ship { order_id, quantity, shipment_id };
            events.decide::<Inventory>(view, stock.stream, command)?;
        }
    }
    if short.is_empty() { Ok(()) } else { Err(Rejection::OutOfStock { skus: short }) }
}

/// From which stock a parcel takes how many, as far as they are there.
fn taken(stocks: Vec<Stock<'_>>, order_id: OrderId, quantity: Quantity) -> Vec<(Stock<'_>, Quantity)> {
    let mut left = quantity.get();
    let mut taken = Vec::new();
    for stock in stocks {
        if let Ok(quantity) = Quantity::new(left.min(stock.at_hand(order_id))) {
            left -= quantity.get();
            taken.push((stock, quantity));
        }
    }
    taken
}

/// The location that all of a parcel leaves, if it is one and another than `main`.
pub(crate) fn sent_from(
    view: &View<'_>,
    parcel: Parcel<'_>,
    units: &BTreeMap<Sku, Quantity>,
) -> Result<Option<Location>, Rejection> {
    let mut locations = BTreeSet::new();
    for (sku, quantity) in units {
        let stocks = packed_from(view, sku, parcel.location)?;
        locations.extend(taken(stocks, parcel.order_id, *quantity).into_iter().map(|(stock, _)| stock.location));
    }
    let one = locations.pop_first().filter(|_| locations.is_empty());
    Ok(one.filter(|location| *location != Location::main()))
}

/// N4: what came back lies at this location from now on, which its list knows.
pub(crate) fn take_back(
    events: &mut Events,
    view: &View<'_>,
    order_id: OrderId,
    sku: &Sku,
    quantity: Quantity,
    location: &Location,
) -> Result<(), Rejection> {
    let (stream, (sku, location)) = (ids::inventory_stream(sku, location), (sku.clone(), location.clone()));
    let opened = location.clone();
    let command = Command::ReturnToStock { sku: sku.clone(), location, order_id, quantity };
    events.decide::<Inventory>(view, stream, command)?;
    events.decide_next::<Inventory>(view, at_main(&sku), Command::OpenLocation { sku, opened })
}

/// Of what is still to be sent, what is promised to the order at one location.
pub(crate) fn promised_at(
    view: &View<'_>,
    order_id: OrderId,
    demand: BTreeMap<Sku, Quantity>,
    location: &Location,
) -> Result<Vec<(Sku, Quantity)>, Rejection> {
    let mut promised = Vec::new();
    for (sku, unsent) in demand {
        let here = packed_from(view, &sku, Some(location))?.iter().map(|stock| stock.promised(order_id)).sum::<i64>();
        if let Ok(quantity) = Quantity::new(here.min(unsent.get())) {
            promised.push((sku, quantity));
        }
    }
    Ok(promised)
}

/// By priority; the one location, if it is named.
fn packed_from<'a>(view: &View<'a>, sku: &Sku, location: Option<&Location>) -> Result<Vec<Stock<'a>>, Rejection> {
    let mut stocks = everywhere(view, sku)?;
    stocks.retain(|stock| location.is_none_or(|location| *location == stock.location));
    stocks.sort_by_key(|stock| stock.state.policy().priority);
    Ok(stocks)
}

/// N1: whether an order was promised units of any of these that are not there.
pub(crate) fn is_uncovered(
    view: &View<'_>,
    order_id: OrderId,
    skus: impl IntoIterator<Item = Sku>,
) -> Result<bool, Rejection> {
    for sku in skus {
        if everywhere(view, &sku)?.iter().any(|stock| stock.state.is_uncovered(order_id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
