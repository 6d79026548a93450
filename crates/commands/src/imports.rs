//! Orders of an earlier system, recorded as it charged them. Each is one command to one order: it asks nothing of stock,
//! of payments or of the catalogue.

use chrono::{DateTime, Utc};
use domain::ids::OrderId;
use domain::order::{Command, Import, ImportRefund, Order};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

/// Whether something was recorded, or had been before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOutcome {
    pub order_id: OrderId,
    pub is_new: bool,
}

/// The order's id is made from what the earlier system called it, so that its own stream tells whether it is there already.
#[derive(Debug, Clone)]
pub struct ImportOrder(pub Import);

/// What the earlier system gave back of an order that was imported from it.
#[derive(Debug, Clone)]
pub struct ImportOrderRefund {
    pub order_id: OrderId,
    pub refund: ImportRefund,
}

impl UseCase for ImportOrder {
    type Outcome = ImportOutcome;

    const NAME: &'static str = "import_order";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Order>(self.0.order_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<ImportOutcome>, Rejection> {
        decide(view, self.0.order_id, Command::Import(Box::new(self.0.clone())))
    }

    fn shows(_: &ImportOutcome) -> Vec<StreamId> {
        vec![]
    }
}

impl UseCase for ImportOrderRefund {
    type Outcome = ImportOutcome;

    const NAME: &'static str = "import_order_refund";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Order>(self.order_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<ImportOutcome>, Rejection> {
        decide(view, self.order_id, Command::ImportRefund(self.refund.clone()))
    }

    fn shows(_: &ImportOutcome) -> Vec<StreamId> {
        vec![]
    }
}

fn decide(view: &View<'_>, order_id: OrderId, command: Command) -> Result<Decision<ImportOutcome>, Rejection> {
    let mut events = Events::default();
    events.decide::<Order>(view, order_id.as_uuid(), command)?;
    let is_new = !events.is_empty();
    Ok(events.answer(ImportOutcome { order_id, is_new }))
}

#[cfg(test)]
mod tests;
