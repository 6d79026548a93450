//! N1: an order that was promised what is not there is on hold until it is there again.

use chrono::{DateTime, Utc};
use domain::ids::{OrderId, Reason};
use domain::order::{self, Command, Contents, Order};
use eventstore::event::StreamId;

use super::settle::reason;
use super::{OrderOutcome, require_order, with_stock};
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// Puts an order on hold, or releases it, as its stock now is. A hold of another reason is somebody else's, and stays.
#[derive(Debug, Clone)]
pub struct ReviewCoverage {
    pub order_id: OrderId,
}

impl UseCase for ReviewCoverage {
    type Outcome = OrderOutcome;

    const NAME: &'static str = "review_coverage";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
        let order = require_order(view, self.order_id, None)?;
        let mut events = Events::default();
        if let order::State::Confirmed(confirmed) = view.state::<Order>(self.order_id.as_uuid())?
            && let Some(command) = self.review(view, confirmed)?
        {
            events.decide::<Order>(view, self.order_id.as_uuid(), command)?;
        }
        Ok(events.answer(OrderOutcome::of(self.order_id, order)))
    }

    fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

impl ReviewCoverage {
    fn review(&self, view: &View<'_>, order: &Contents) -> Result<Option<Command>, Rejection> {
        let demand = order.demand();
        let lacks = stock::is_uncovered(view, self.order_id, demand.into_keys())?;
        Ok(match (&order.hold, lacks) {
            (None, true) => Some(Command::Hold { reason: stock_is_missing() }),
            (Some(held), false) if *held == stock_is_missing() => Some(Command::Release),
            (None, false) | (Some(_), _) => None,
        })
    }
}

fn stock_is_missing() -> Reason {
    reason("stock is missing")
}

#[cfg(test)]
mod tests;
