//! Goods that come back. Buyers ask, staff says yes or no and counts what comes; what goes into stock again is in the same append.
//! Money is given back by [`refunds`](super::refunds), by a decision of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::{self, CustomerId, Location, OrderId, Quantity, Reason, ReturnId, Sku};
use domain::inventory::Inventory;
use domain::order::{self, Command, Order, ReceivedUnits};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::{OrderOutcome, require_order, seen_order, with_payments};
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// The return, beside the order that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnOutcome {
    pub return_id: ReturnId,
    #[serde(flatten)]
    pub order: OrderOutcome,
}

#[derive(Debug, Clone)]
pub struct RequestReturn {
    pub order_id: OrderId,
    /// The customer whose order it has to be; `None` where staff asks.
    pub owner: Option<CustomerId>,
    /// Made just now; names the return.
    pub return_id: ReturnId,
    /// Units by SKU.
    pub lines: Vec<(Sku, Quantity)>,
    pub reason: Reason,
}

impl UseCase for RequestReturn {
    type Outcome = ReturnOutcome;

    const NAME: &'static str = "request_return";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_payments(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<ReturnOutcome>, Rejection> {
        let Self { order_id, return_id, .. } = *self;
        let order = require_order(view, order_id, self.owner)?;
        let outcome = ReturnOutcome { return_id, order: OrderOutcome::of(order_id, order) };
        let mut events = Events::default();
        if order.goods_return(return_id).is_none() {
            let lines = match view.state::<Order>(order_id.as_uuid())? {
                order::State::Confirmed(order) if order.has_arrived() => order.returnable_lines_of(&self.lines, now)?,
                // Refused below, for the state that it is in.
                _ => Vec::new(),
            };
            let request = Command::RequestReturn { return_id, lines, reason: self.reason.clone(), at: now };
            events.decide::<Order>(view, order_id.as_uuid(), request)?;
        }
        Ok(events.answer(outcome))
    }

    fn shows(outcome: &ReturnOutcome) -> Vec<StreamId> {
        outcome.order.shows()
    }
}

/// The goods may be sent.
#[derive(Debug, Clone)]
pub struct ApproveReturn {
    pub order_id: OrderId,
    pub return_id: ReturnId,
}

/// They may not, or did not come.
#[derive(Debug, Clone)]
pub struct RejectReturn {
    pub order_id: OrderId,
    pub return_id: ReturnId,
    pub reason: Option<Reason>,
}

/// They are back: what goes into stock again does so in the same append.
#[derive(Debug, Clone)]
pub struct ReceiveReturn {
    pub order_id: OrderId,
    pub return_id: ReturnId,
    /// Units by SKU, and whether they go back into stock.
    pub lines: Vec<(Sku, Quantity, bool)>,
    /// Where they are unpacked; `None` is where they were sent from, if all parcels with them left one location, else `main`.
    pub location: Option<Location>,
}

impl ReceiveReturn {
    fn unpacked_at(&self, order: &order::Contents, sku: &Sku) -> Location {
        self.location.as_ref().or_else(|| order.sent_from(sku)).cloned().unwrap_or_else(Location::main)
    }
}

impl UseCase for ReceiveReturn {
    type Outcome = ReturnOutcome;

    const NAME: &'static str = "receive_return";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = with_payments(self.order_id, view);
        let Some(order) = seen_order(self.order_id, view) else { return streams };
        let restocked = self.lines.iter().filter(|(_, _, restock)| *restock);
        restocked.fold(streams, |streams, (sku, ..)| {
            let location = self.unpacked_at(order, sku);
            // Its list of locations, too.
            let streams = streams.read::<Inventory>(stock::at_main(sku));
            streams.read::<Inventory>(ids::inventory_stream(sku, &location))
        })
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<ReturnOutcome>, Rejection> {
        let Self { order_id, return_id, .. } = *self;
        let order = require_order(view, order_id, None)?;
        let outcome = ReturnOutcome { return_id, order: OrderOutcome::of(order_id, order) };
        let known = order.goods_return(return_id).ok_or(order::Error::ReturnNotFound { return_id })?;
        let lines = known.received_of(&self.lines)?;
        let restocked = restocked(&lines)?;
        let mut events = Events::default();
        events.decide::<Order>(view, order_id.as_uuid(), Command::ReceiveReturn { return_id, lines, at: now })?;
        if !events.is_empty() {
            for (sku, quantity) in restocked {
                let location = self.unpacked_at(order, &sku);
                stock::take_back(&mut events, view, order_id, &sku, quantity, &location)?;
            }
        }
        Ok(events.answer(outcome))
    }

    fn shows(outcome: &ReturnOutcome) -> Vec<StreamId> {
        outcome.order.shows()
    }
}

/// N5: each SKU once, whatever the lines.
fn restocked(lines: &[ReceivedUnits]) -> Result<BTreeMap<Sku, Quantity>, Rejection> {
    let mut units: BTreeMap<Sku, i64> = BTreeMap::new();
    for received in lines.iter().filter(|received| received.restock) {
        *units.entry(received.sku.clone()).or_default() += received.quantity.get();
    }
    let too_many =
        |sku: &Sku, found| order::Error::QuantityOutOfRange { sku: sku.clone(), found, max: Quantity::MAX.get() };
    units
        .into_iter()
        .map(|(sku, units)| match Quantity::new(units) {
            Ok(quantity) => Ok((sku, quantity)),
            Err(_) => Err(too_many(&sku, units).into()),
        })
        .collect()
}

/// Use cases of staff that are one command about a return and need nothing else.
macro_rules! changes_a_return {
    ($($use_case:ident = $name:literal, |$self:ident, $now:pat_param| $command:expr;)+) => {$(
        impl UseCase for $use_case {
            type Outcome = ReturnOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, view: &View<'_>) -> Streams {
                with_payments(self.order_id, view)
            }

            fn decide(&$self, view: &View<'_>, $now: DateTime<Utc>) -> Result<Decision<ReturnOutcome>, Rejection> {
                let order = require_order(view, $self.order_id, None)?;
                let order_outcome = OrderOutcome::of($self.order_id, order);
                let mut events = Events::default();
                events.decide::<Order>(view, $self.order_id.as_uuid(), $command)?;
                Ok(events.answer(ReturnOutcome { return_id: $self.return_id, order: order_outcome }))
            }

            fn shows(outcome: &ReturnOutcome) -> Vec<StreamId> {
                outcome.order.shows()
            }
        }
    )+};
}

changes_a_return! {
    ApproveReturn = "approve_return", |self, now| Command::ApproveReturn { return_id: self.return_id, at: now };
    RejectReturn = "reject_return", |self, now| Command::RejectReturn {
        return_id: self.return_id,
        reason: self.reason.clone(),
        at: now,
    };
}

#[cfg(test)]
mod tests;
