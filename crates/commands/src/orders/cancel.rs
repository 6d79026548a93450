//! Cancelling an order, or lines of it: what was not sent will not be. The stock of it is set free in the same append. Money
//! that was taken for it is given back, and what is only held is never taken; the last of it is let go.

use chrono::{DateTime, Utc};
use domain::ids::{CustomerId, OrderId, Quantity, Reason, Sku};
use domain::order::{self, Command, Contents, Order};
use eventstore::event::StreamId;

use super::{OrderOutcome, payments_of, require_order, set_stock_free, with_stock};
use crate::payments::excess::{give_back, give_back_excess};
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};

#[derive(Debug, Clone)]
pub struct CancelOrder {
    pub order_id: OrderId,
    /// The customer whose order it has to be; `None` where staff asks.
    pub owner: Option<CustomerId>,
    pub reason: Reason,
    /// Units by SKU, of what is unsent; `None` is the whole order, while nothing of it is shipped.
    pub lines: Option<Vec<(Sku, Quantity)>>,
}

impl UseCase for CancelOrder {
    type Outcome = OrderOutcome;

    const NAME: &'static str = "cancel_order";

    fn streams(&self, view: &View<'_>) -> Streams {
        with_stock(self.order_id, view)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
        let order = require_order(view, self.order_id, self.owner)?;
        let events = match &self.lines {
            None => self.cancel_whole(view, order)?,
            Some(lines) => self.cancel_lines(view, order, lines)?,
        };
        Ok(events.answer(OrderOutcome::of(self.order_id, order)))
    }

    fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

impl CancelOrder {
    fn cancel_whole(&self, view: &View<'_>, order: &Contents) -> Result<Events, Rejection> {
        let mut events = Events::default();
        let command = Command::Cancel { reason: self.reason.clone() };
        events.decide::<Order>(view, self.order_id.as_uuid(), command)?;
        if !events.is_empty() {
            set_stock_free(&mut events, view, self.order_id)?;
            #[cfg(feature = "planted-bugs")]
            if eventstore::planted::is("money-kept") {
                return Ok(events);
            }
            for payment_id in payments_of(order) {
                give_back(&mut events, view, payment_id, &self.reason)?;
            }
        }
        Ok(events)
    }

    fn cancel_lines(&self, view: &View<'_>, order: &Contents, wanted: &[(Sku, Quantity)]) -> Result<Events, Rejection> {
        let mut events = Events::default();
        let (order_id, reason) = (self.order_id, self.reason.clone());
        let lines = match view.state::<Order>(order_id.as_uuid())? {
            order::State::Confirmed(_) if !order.is_shipped() => order.lines_of(wanted)?,
            // Refused below, for the state that it is in.
            _ => Vec::new(),
        };
        events.decide::<Order>(view, order_id.as_uuid(), Command::CancelLines { lines, reason })?;
        for (sku, quantity) in super::by_sku(wanted) {
            stock::release(&mut events, view, order_id, &sku, quantity)?;
        }
        let after = events.after::<Order>(view, order_id.as_uuid())?;
        for payment_id in payments_of(order) {
            give_back_excess(&mut events, view, payment_id, &after, &self.reason)?;
        }
        Ok(events)
    }
}
