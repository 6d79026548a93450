//! N1: what an order awaits of what was promised to it. Stock knows; the order is told, so that its own stream says it.

use std::collections::BTreeSet;

use super::{CoverageChanged, Error, Event, State};
use crate::ids::Sku;

/// Only a confirmed order was promised any units for good.
pub(super) fn note(state: &State, awaited: BTreeSet<Sku>) -> Result<Vec<Event>, Error> {
    let State::Confirmed(order) = state else { return Err(state.illegal()) };
    if awaited == order.awaited {
        return Ok(vec![]);
    }
    let is_of_order = |sku: &&Sku| order.lines.iter().any(|line| line.sku == **sku);
    match awaited.iter().find(|sku| !is_of_order(sku)) {
        Some(sku) => Err(Error::LineNotFound { line: sku.to_string() }),
        None => Ok(vec![Event::CoverageChanged(CoverageChanged { awaited })]),
    }
}
