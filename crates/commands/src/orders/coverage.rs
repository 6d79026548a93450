//! N1: an order that was promised what is not there knows what it awaits, and is on hold while that is more than was meant
//! to be promised.

use chrono::{DateTime, Utc};
use domain::ids::{OrderId, Reason};
use domain::inventory::Standing;
use domain::order::{self, Command, Contents, Order};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::settle::reason;
use super::with_stock;
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// Orders that one use case looks at: a count may name thousands, and one at a time would take too long.
pub const ORDERS_AT_ONCE: usize = 16;

/// Puts orders on hold, or releases them, as their stock now is. A hold of another reason is somebody else's, and stays.
#[derive(Debug, Clone)]
pub struct ReviewCoverage {
    pub orders: Vec<OrderId>,
}

/// The orders that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageOutcome {
    pub orders: Vec<OrderId>,
}

impl UseCase for ReviewCoverage {
    type Outcome = CoverageOutcome;

    const NAME: &'static str = "review_coverage";

    fn streams(&self, view: &View<'_>) -> Streams {
        let mut streams = Streams::default();
        for order_id in &self.orders {
            streams.read.extend(with_stock(*order_id, view).read);
        }
        streams
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<CoverageOutcome>, Rejection> {
        let mut events = Events::default();
        for order_id in &self.orders {
            if let order::State::Confirmed(order) = view.state::<Order>(order_id.as_uuid())? {
                for command in review(view, *order_id, order)? {
                    events.decide_next::<Order>(view, order_id.as_uuid(), command)?;
                }
            }
        }
        Ok(events.answer(CoverageOutcome { orders: self.orders.clone() }))
    }

    fn shows(outcome: &CoverageOutcome) -> Vec<StreamId> {
        outcome.orders.first().map(|order_id| Order::stream(order_id.as_uuid())).into_iter().collect()
    }
}

/// What is promised and missing is told to the order; what is missing beyond the backorder limit holds it.
fn review(view: &View<'_>, order_id: OrderId, order: &Contents) -> Result<Vec<Command>, Rejection> {
    let missing = stock::missing(view, order_id, order.demand().into_keys())?;
    let is_uncovered = missing.values().any(|standing| *standing == Standing::Uncovered);
    let hold = match (&order.hold, is_uncovered) {
        (None, true) => Some(Command::Hold { reason: stock_is_missing() }),
        (Some(held), false) if *held == stock_is_missing() => Some(Command::Release),
        (None, false) | (Some(_), _) => None,
    };
    let coverage = Command::NoteCoverage { awaited: missing.into_keys().collect() };
    Ok(hold.into_iter().chain([coverage]).collect())
}

fn stock_is_missing() -> Reason {
    reason("stock is missing")
}

#[cfg(test)]
mod tests;
