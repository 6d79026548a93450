//! N1: whose units are there. A count is a fact, so there may be fewer units than are promised: then the youngest orders go
//! without, and the stream tells of each as its standing changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CoverageChanged, Event, Place, State};
use crate::ids::OrderId;

/// Orders that one event names: 200 KB of ids. Those beyond it are named by the stream's next event.
pub const ORDERS_TOLD_MAX: usize = 5_000;

/// How an allocation stands that is not covered by units on hand. One that is has no standing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Within the backorder limit: its units are still to come, as was meant.
    Backordered,
    /// Beyond it: it was promised what is not there.
    Uncovered,
}

/// What an event makes of the standings that were told before.
pub(super) fn changed(after: &State) -> Option<Event> {
    let (told, now) = (after.told(), after.standings());
    if *told == now {
        return None;
    }
    let Place { sku, location } = after.place.clone()?;
    // The youngest first: they are the first to go without, should there be too many to tell.
    let new = now.iter().rev().filter(|(order_id, standing)| told.get(order_id) != Some(*standing));
    let new: Vec<_> = new.take(ORDERS_TOLD_MAX).collect();
    let room = ORDERS_TOLD_MAX - new.len();
    let covered = told.keys().filter(|order_id| !now.contains_key(order_id)).take(room).copied().collect();
    let of = |wanted| new.iter().filter(|(_, standing)| **standing == wanted).map(|(order_id, _)| **order_id).collect();
    let (uncovered, backordered) = (of(Standing::Uncovered), of(Standing::Backordered));
    Some(Event::CoverageChanged(CoverageChanged { sku, location, uncovered, backordered, covered }))
}

/// The older an order, the sooner it is served. Empty, at no cost, while everything that is promised is there.
pub(super) fn standings(state: &State) -> BTreeMap<OrderId, Standing> {
    let there = state.on_hand().saturating_sub(state.set_aside()).max(0);
    if state.allocated() <= there {
        return BTreeMap::new();
    }
    let promised = there.saturating_add(state.policy().backorder_limit);
    let mut served = 0;
    let standing = |units| match () {
        () if units <= there => None,
        () if units <= promised => Some(Standing::Backordered),
        () => Some(Standing::Uncovered),
    };
    let allocations = state.allocations().filter_map(|(order_id, allocation)| {
        served += allocation.quantity.get();
        Some((order_id, standing(served)?))
    });
    allocations.collect()
}
