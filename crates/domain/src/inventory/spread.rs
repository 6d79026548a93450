//! Where the units of an order come from, when one SKU lies at several locations.
//!
//! By priority: the first location that has all of them, so that they travel together; where none has, units from several;
//! and what nobody has, where it may be backordered. Each stream checks its own share again (N1).

use chrono::{DateTime, Utc};

use super::{Error, State};
use crate::ids::{Location, OrderId, Quantity};

/// The stock of one SKU at one location.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub location: &'a Location,
    pub state: &'a State,
}

/// Units of an order at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub location: Location,
    pub quantity: Quantity,
}

/// How many units of an order each location gives. What a live reservation of the order holds stays where it is (N3).
pub fn spread(
    order_id: OrderId,
    quantity: Quantity,
    sources: &[Source<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Share>, Error> {
    let mut parts: Vec<Part<'_>> = sources.iter().map(|source| Part::of(*source, order_id, now)).collect();
    // Stable: of the same priority, the one that was opened first.
    parts.sort_by_key(|part| part.source.state.policy().priority);
    let mut missing = quantity.get();
    for part in &mut parts {
        missing -= part.take(part.own.min(missing));
    }
    let whole = parts.iter_mut().find(|part| part.free >= missing);
    if let Some(part) = whole {
        missing -= part.take(missing);
    }
    // Of what is free no more is wanted where one location gave all of it.
    for part in &mut parts {
        missing -= part.take(part.free.min(missing));
    }
    for part in &mut parts {
        missing -= part.take(part.backorder.min(missing));
    }
    if missing > 0 {
        return Err(Error::OutOfStock { requested: quantity.get(), available: quantity.get() - missing });
    }
    let share = |part: Part<'_>| {
        Some(Share { location: part.source.location.clone(), quantity: Quantity::new(part.taken).ok()? })
    };
    Ok(parts.into_iter().filter_map(share).collect())
}

/// What one location could give, and what is taken of it so far.
struct Part<'a> {
    source: Source<'a>,
    own: i64,
    free: i64,
    /// Beyond what is free.
    backorder: i64,
    taken: i64,
}

impl<'a> Part<'a> {
    fn of(source: Source<'a>, order_id: OrderId, now: DateTime<Utc>) -> Self {
        let state = source.state;
        let live = state.reservation(order_id).filter(|reservation| reservation.is_live(now));
        let own = live.map_or(0, |reservation| reservation.quantity.get());
        let available = state.available(now);
        let free = if state.exists() { available.max(0) } else { 0 };
        let promisable =
            if state.exists() { available.saturating_add(state.policy().backorder_limit).max(0) } else { 0 };
        Self { source, own, free, backorder: promisable - free, taken: 0 }
    }

    fn take(&mut self, units: i64) -> i64 {
        self.taken += units;
        units
    }
}
