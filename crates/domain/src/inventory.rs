//! Stock: what of one SKU lies at one location, and to whom it is promised. One stream a SKU and location.
//!
//! `available = on_hand - allocated - unavailable - unexpired reserved`. Knows no order: whoever asks for several lines
//! of one SKU adds them up first (N5), and asks for all SKUs of an order in one append (N6).

mod coverage;
mod events;
mod spread;
mod state;

use chrono::{DateTime, Utc};

pub use self::{
    coverage::{ORDERS_TOLD_MAX, Standing},
    events::{
        Adjusted, Allocated, AllocationReleased, BackInStock, CoverageChanged, Event, LocationOpened, LowStock,
        OutOfStock, PolicyChanged, PutBack, Received, ReservationExpired, ReservationExtended, ReservationReleased,
        Reserved, ReturnedToStock, SetAside, Shipped, TransferredIn, TransferredOut,
    },
    spread::{Share, Source, spread},
    state::{Allocation, Place, Policy, Reservation, State},
};
use crate::{
    aggregate::{Aggregate, fold},
    ids::{Location, OrderId, Quantity, Reason, ShipmentId, Sku},
};

/// Units, of a correction or of a policy: far above any warehouse, far below what a sum of them could overflow.
pub const UNITS_MAX: i64 = 1_000_000_000;

/// Of a policy: the location with the least is asked first.
pub const PRIORITY_MAX: i64 = 1_000;

/// Locations of one SKU beside `main`: far more than a shop has warehouses, and a bound on what a checkout reads.
pub const LOCATIONS_MAX: usize = 32;

/// The aggregate.
#[derive(Debug)]
pub struct Inventory;

/// Those that may be a stream's first command say which stock it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Receive {
        sku: Sku,
        location: Location,
        quantity: Quantity,
    },
    Reserve {
        order_id: OrderId,
        quantity: Quantity,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    ExtendReservation {
        order_id: OrderId,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    ReleaseReservation {
        order_id: OrderId,
    },
    ExpireReservation {
        order_id: OrderId,
        now: DateTime<Utc>,
    },
    Allocate {
        order_id: OrderId,
        quantity: Quantity,
        now: DateTime<Utc>,
    },
    ReleaseAllocation {
        order_id: OrderId,
        quantity: Option<Quantity>,
    },
    Ship {
        order_id: OrderId,
        quantity: Quantity,
        shipment_id: ShipmentId,
    },
    Adjust {
        sku: Sku,
        location: Location,
        delta: i64,
        reason: Reason,
    },
    TransferOut {
        to: Location,
        quantity: Quantity,
        now: DateTime<Utc>,
    },
    TransferIn {
        sku: Sku,
        location: Location,
        from: Location,
        quantity: Quantity,
    },
    ReturnToStock {
        sku: Sku,
        location: Location,
        order_id: OrderId,
        quantity: Quantity,
    },
    SetAside {
        quantity: Quantity,
        reason: Reason,
    },
    PutBack {
        quantity: Quantity,
        reason: Reason,
    },
    ChangePolicy {
        sku: Sku,
        location: Location,
        change: PolicyChange,
    },
    /// Of the stock at `main`: the SKU lies at another location too.
    OpenLocation {
        sku: Sku,
        opened: Location,
    },
}

/// What is not given stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyChange {
    pub low_stock_threshold: Option<i64>,
    pub backorder_limit: Option<i64>,
    pub safety_stock: Option<i64>,
    pub priority: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("{requested} were asked for, and {available} are available")]
    OutOfStock { requested: i64, available: i64 },
    #[error("the order has {reserved} reserved, and asks for {requested} again")]
    ReservationDiffers { requested: i64, reserved: i64 },
    #[error("the order has no reservation that could be extended")]
    ReservationExpired,
    #[error("the order has {allocated} allocated, not {requested}")]
    NotAllocated { requested: i64, allocated: i64 },
    #[error("{requested} cannot be taken: {on_hand} are on hand and fit for it")]
    NotOnHand { requested: i64, on_hand: i64 },
    #[error("{requested} cannot be put back: {set_aside} are set aside")]
    NotSetAside { requested: i64, set_aside: i64 },
    #[error("{found} is not within {min} and {max}")]
    QuantityOutOfRange { found: i64, min: i64, max: i64 },
    #[error("stock cannot be transferred from {location} to itself")]
    SameLocation { location: Location },
    #[error("a product lies at no more than {max} locations beside main")]
    TooManyLocations { max: usize },
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfStock { .. } => "out_of_stock",
            Self::ReservationDiffers { .. } => "reservation_differs",
            Self::ReservationExpired => "reservation_expired",
            Self::NotAllocated { .. } => "not_allocated",
            Self::NotOnHand { .. } => "not_on_hand",
            Self::NotSetAside { .. } => "not_set_aside",
            Self::QuantityOutOfRange { .. } => "quantity_out_of_range",
            Self::SameLocation { .. } => "same_location",
            Self::TooManyLocations { .. } => "too_many_locations",
        }
    }
}

impl Aggregate for Inventory {
    const CATEGORY: &'static str = "inventory";
    const STATE_VERSION: i32 = 2;

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::default()
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        let mut events: Vec<Event> = decide_fact(state, command)?.into_iter().collect();
        let after = fold::<Self>(state.clone(), &events);
        events.extend(coverage::changed(&after));
        events.extend(crossing(state, &after));
        Ok(events)
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Received(fact) => state.at(&fact.sku, &fact.location).moved(fact.quantity.get()),
            Event::Reserved(fact) => state.at(&fact.sku, &fact.location).reserve(fact),
            Event::ReservationExtended(fact) => state.extend(fact),
            Event::ReservationReleased(fact) => state.unreserve(fact.order_id),
            Event::ReservationExpired(fact) => state.unreserve(fact.order_id),
            Event::Allocated(fact) => state.at(&fact.sku, &fact.location).allocate(fact),
            Event::AllocationReleased(fact) => state.release(fact),
            Event::Shipped(fact) => state.ship(fact),
            Event::Adjusted(fact) => state.at(&fact.sku, &fact.location).moved(fact.delta),
            Event::TransferredOut(fact) => state.moved(-fact.quantity.get()),
            Event::TransferredIn(fact) => state.at(&fact.sku, &fact.location).moved(fact.quantity.get()),
            Event::ReturnedToStock(fact) => state.at(&fact.sku, &fact.location).moved(fact.quantity.get()),
            Event::SetAside(fact) => state.put_aside(fact.quantity.get()),
            Event::PutBack(fact) => state.put_aside(-fact.quantity.get()),
            Event::PolicyChanged(fact) => state.at(&fact.sku, &fact.location).govern(fact),
            Event::LocationOpened(fact) => state.open(&fact.opened),
            Event::CoverageChanged(fact) => state.tell(fact),
            Event::LowStock(_) | Event::OutOfStock(_) | Event::BackInStock(_) => state,
        }
    }

    fn weight(state: &State) -> usize {
        state.weight()
    }
}

/// Everything but the thresholds.
fn decide_fact(state: &State, command: Command) -> Result<Option<Event>, Error> {
    match command {
        Command::Receive { sku, location, quantity } => Ok(Some(Event::Received(Received { sku, location, quantity }))),
        Command::Reserve { order_id, quantity, expires_at, now } => reserve(state, order_id, quantity, expires_at, now),
        Command::ExtendReservation { order_id, expires_at, now } => extend(state, order_id, expires_at, now),
        Command::ReleaseReservation { order_id } => Ok(release_reservation(state, order_id)),
        Command::ExpireReservation { order_id, now } => Ok(expire_reservation(state, order_id, now)),
        Command::Allocate { order_id, quantity, now } => allocate(state, order_id, quantity, now),
        Command::ReleaseAllocation { order_id, quantity } => release_allocation(state, order_id, quantity),
        Command::Ship { order_id, quantity, shipment_id } => ship(state, order_id, quantity, shipment_id),
        Command::Adjust { sku, location, delta, reason } => adjust(Adjusted { sku, location, delta, reason }),
        Command::TransferOut { to, quantity, now } => transfer_out(state, to, quantity, now),
        Command::TransferIn { sku, location, from, quantity } => {
            require_another(&from, &location)?;
            Ok(Some(Event::TransferredIn(TransferredIn { sku, location, from, quantity })))
        }
        Command::ReturnToStock { sku, location, order_id, quantity } => {
            Ok(Some(Event::ReturnedToStock(ReturnedToStock { sku, location, order_id, quantity })))
        }
        Command::SetAside { quantity, reason } => set_aside(state, quantity, reason),
        Command::PutBack { quantity, reason } => put_back(state, quantity, reason),
        Command::ChangePolicy { sku, location, change } => change_policy(state, sku, location, change),
        Command::OpenLocation { sku, opened } => open_location(state, sku, opened),
    }
}

/// N1: takes nothing below zero, or below the backorder limit. `own` is what the asking order holds already.
fn require_available(state: &State, quantity: Quantity, own: i64, now: DateTime<Utc>) -> Result<&Place, Error> {
    let promisable = state.available(now).saturating_add(own).saturating_add(state.policy().backorder_limit);
    match &state.place {
        Some(place) if quantity.get() <= promisable => Ok(place),
        _ => Err(Error::OutOfStock { requested: quantity.get(), available: promisable.max(0) }),
    }
}

/// N2: the same reservation again is a no-op, and so is one of an order that has its allocation already.
fn reserve(
    state: &State,
    order_id: OrderId,
    quantity: Quantity,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Event>, Error> {
    if state.allocation(order_id).is_some() {
        return Ok(None);
    }
    if let Some(live) = state.reservation(order_id).filter(|reservation| reservation.is_live(now)) {
        let (requested, reserved) = (quantity.get(), live.quantity.get());
        return if requested == reserved { Ok(None) } else { Err(Error::ReservationDiffers { requested, reserved }) };
    }
    let Place { sku, location } = require_available(state, quantity, 0, now)?.clone();
    Ok(Some(Event::Reserved(Reserved { sku, location, order_id, quantity, expires_at })))
}

fn extend(
    state: &State,
    order_id: OrderId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Event>, Error> {
    if state.allocation(order_id).is_some() {
        return Ok(None);
    }
    let live = state.reservation(order_id).filter(|reservation| reservation.is_live(now));
    let (Some(live), Some(place)) = (live, &state.place) else {
        return Err(Error::ReservationExpired);
    };
    if expires_at <= live.expires_at {
        return Ok(None);
    }
    let Place { sku, location } = place.clone();
    Ok(Some(Event::ReservationExtended(ReservationExtended { sku, location, order_id, expires_at })))
}

fn release_reservation(state: &State, order_id: OrderId) -> Option<Event> {
    let (reservation, place) = (state.reservation(order_id)?, state.place.clone()?);
    let (quantity, Place { sku, location }) = (reservation.quantity, place);
    Some(Event::ReservationReleased(ReservationReleased { sku, location, order_id, quantity }))
}

/// A deadline that fires early is one of a reservation that was extended meanwhile.
fn expire_reservation(state: &State, order_id: OrderId, now: DateTime<Utc>) -> Option<Event> {
    let (reservation, place) = (state.reservation(order_id)?, state.place.clone()?);
    if reservation.is_live(now) {
        return None;
    }
    let (quantity, Place { sku, location }) = (reservation.quantity, place);
    Some(Event::ReservationExpired(ReservationExpired { sku, location, order_id, quantity }))
}

/// N3: what a live reservation holds is taken as promised; anything beyond it is checked again.
fn allocate(state: &State, order_id: OrderId, quantity: Quantity, now: DateTime<Utc>) -> Result<Option<Event>, Error> {
    if state.allocation(order_id).is_some() {
        return Ok(None);
    }
    let live = state.reservation(order_id).filter(|reservation| reservation.is_live(now));
    let own = live.map_or(0, |reservation| reservation.quantity.get());
    let Place { sku, location } = match &state.place {
        Some(place) if quantity.get() <= own => place,
        _ => require_available(state, quantity, own, now)?,
    }
    .clone();
    Ok(Some(Event::Allocated(Allocated { sku, location, order_id, quantity })))
}

fn release_allocation(state: &State, order_id: OrderId, quantity: Option<Quantity>) -> Result<Option<Event>, Error> {
    let (Some(allocation), Some(place)) = (state.allocation(order_id), &state.place) else {
        return Ok(None);
    };
    let quantity = match quantity {
        None => allocation.quantity,
        Some(quantity) if quantity <= allocation.quantity => quantity,
        Some(quantity) => {
            return Err(Error::NotAllocated { requested: quantity.get(), allocated: allocation.quantity.get() });
        }
    };
    let Place { sku, location } = place.clone();
    Ok(Some(Event::AllocationReleased(AllocationReleased { sku, location, order_id, quantity })))
}

fn ship(state: &State, order_id: OrderId, quantity: Quantity, shipment_id: ShipmentId) -> Result<Option<Event>, Error> {
    let allocation = state.allocation(order_id);
    if allocation.is_some_and(|allocation| allocation.shipments.contains(&shipment_id)) {
        return Ok(None);
    }
    let (requested, allocated) = (quantity.get(), allocation.map_or(0, |allocation| allocation.quantity.get()));
    let Some(place) = state.place.clone().filter(|_| requested <= allocated) else {
        return Err(Error::NotAllocated { requested, allocated });
    };
    require_on_hand(state, requested)?;
    let Place { sku, location } = place;
    Ok(Some(Event::Shipped(Shipped { sku, location, order_id, shipment_id, quantity })))
}

/// What is set aside is on hand, and yet cannot leave.
fn require_on_hand(state: &State, requested: i64) -> Result<(), Error> {
    let on_hand = state.on_hand().saturating_sub(state.set_aside());
    if requested <= on_hand { Ok(()) } else { Err(Error::NotOnHand { requested, on_hand }) }
}

/// N1: a fact, whatever it leaves uncovered.
fn adjust(adjusted: Adjusted) -> Result<Option<Event>, Error> {
    if !(-UNITS_MAX..=UNITS_MAX).contains(&adjusted.delta) {
        return Err(Error::QuantityOutOfRange { found: adjusted.delta, min: -UNITS_MAX, max: UNITS_MAX });
    }
    Ok(Some(adjusted).filter(|adjusted| adjusted.delta != 0).map(Event::Adjusted))
}

fn transfer_out(state: &State, to: Location, quantity: Quantity, now: DateTime<Utc>) -> Result<Option<Event>, Error> {
    let (requested, available) = (quantity.get(), state.available(now));
    let Some(place) = state.place.clone().filter(|_| requested <= available) else {
        return Err(Error::OutOfStock { requested, available: available.max(0) });
    };
    require_another(&to, &place.location)?;
    let Place { sku, location } = place;
    Ok(Some(Event::TransferredOut(TransferredOut { sku, location, to, quantity })))
}

fn require_another(one: &Location, other: &Location) -> Result<(), Error> {
    if one == other { Err(Error::SameLocation { location: one.clone() }) } else { Ok(()) }
}

fn set_aside(state: &State, quantity: Quantity, reason: Reason) -> Result<Option<Event>, Error> {
    require_on_hand(state, quantity.get())?;
    let set_aside = |Place { sku, location }| Event::SetAside(SetAside { sku, location, quantity, reason });
    Ok(state.place.clone().map(set_aside))
}

fn put_back(state: &State, quantity: Quantity, reason: Reason) -> Result<Option<Event>, Error> {
    let (requested, set_aside) = (quantity.get(), state.set_aside());
    if requested > set_aside {
        return Err(Error::NotSetAside { requested, set_aside });
    }
    let put_back = |Place { sku, location }| Event::PutBack(PutBack { sku, location, quantity, reason });
    Ok(state.place.clone().map(put_back))
}

fn change_policy(state: &State, sku: Sku, location: Location, change: PolicyChange) -> Result<Option<Event>, Error> {
    let before = state.policy();
    let low_stock_threshold = change.low_stock_threshold.unwrap_or(before.low_stock_threshold);
    let backorder_limit = change.backorder_limit.unwrap_or(before.backorder_limit);
    let safety_stock = change.safety_stock.unwrap_or(before.safety_stock);
    let priority = change.priority.unwrap_or(before.priority);
    let units = [low_stock_threshold, backorder_limit, safety_stock].map(|found| (found, UNITS_MAX));
    for (found, max) in units.into_iter().chain([(priority, PRIORITY_MAX)]) {
        if !(0..=max).contains(&found) {
            return Err(Error::QuantityOutOfRange { found, min: 0, max });
        }
    }
    let after = Policy { low_stock_threshold, backorder_limit, safety_stock, priority };
    let changed = PolicyChanged { sku, location, low_stock_threshold, backorder_limit, safety_stock, priority };
    Ok(Some(changed).filter(|_| after != before).map(Event::PolicyChanged))
}

/// The stock at `main` knows of the others, so that a shop with one location reads one stream a SKU, and learns from it
/// that there are no more.
fn open_location(state: &State, sku: Sku, opened: Location) -> Result<Option<Event>, Error> {
    let location = Location::main();
    if opened == location || state.elsewhere().contains(&opened) {
        return Ok(None);
    }
    if state.elsewhere().len() >= LOCATIONS_MAX {
        return Err(Error::TooManyLocations { max: LOCATIONS_MAX });
    }
    Ok(Some(Event::LocationOpened(LocationOpened { sku, location, opened })))
}

/// N7: told when a threshold is crossed, and not again until it is crossed again. A stream's first event crosses nothing.
fn crossing(before: &State, after: &State) -> Option<Event> {
    let Place { sku, location } = before.place.clone()?;
    let available = after.unpromised();
    let is_out = |state: &State| state.unpromised() <= 0;
    let is_low = |state: &State| state.unpromised() <= state.policy().low_stock_threshold;
    match (is_out(before), is_out(after)) {
        (false, true) => Some(Event::OutOfStock(OutOfStock { sku, location, available })),
        (true, false) => Some(Event::BackInStock(BackInStock { sku, location, available })),
        (false, false) if !is_low(before) && is_low(after) => {
            let threshold = after.policy().low_stock_threshold;
            Some(Event::LowStock(LowStock { sku, location, available, threshold }))
        }
        (false, false) | (true, true) => None,
    }
}

#[cfg(test)]
mod tests;
