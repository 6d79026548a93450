//! Orders: held, shipped and delivered by staff. What an order does to stock and to its payment is in the same append.
//! [`cancel`] takes an order back or a part of it, [`returns`] takes goods back, [`refunds`] gives money back, [`settle`] holds
//! what the processes do with orders that are pending, [`coverage`] with those whose stock is missing.

mod cancel;
pub mod coverage;
pub mod refunds;
pub mod returns;
pub mod settle;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::country::Country;
use domain::ids::{CustomerId, Location, OrderId, PaymentId, Quantity, Reason, ShipmentId, Sku};
use domain::inventory;
use domain::order::{self, Carrier, Command, Contents, Order, Tracking};
use domain::payment::Payment;
use domain::sealed::Sealed;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

pub use self::cancel::CancelOrder;
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// The order that was changed, and the payments that its representation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderOutcome {
    pub order_id: OrderId,
    pub payments: Vec<PaymentId>,
}

impl OrderOutcome {
    fn of(order_id: OrderId, order: &Contents) -> Self {
        Self { order_id, payments: payments_of(order).collect() }
    }

    fn shows(&self) -> Vec<StreamId> {
        let payments = self.payments.iter().map(|payment_id| Payment::stream(payment_id.as_uuid()));
        std::iter::once(Order::stream(self.order_id.as_uuid())).chain(payments).collect()
    }
}

/// One parcel leaves: the order says so, and the stock of its lines goes with it.
#[derive(Debug, Clone)]
pub struct ShipOrder {
    pub order_id: OrderId,
    /// Names the parcel, so that one that has left is not sent again.
    pub shipment_id: ShipmentId,
    /// Units by SKU; `None` is everything that is unsent.
    pub lines: Option<Vec<(Sku, Quantity)>>,
    pub carrier: Carrier,
    pub tracking: Tracking,
    /// Where it is packed; `None` is wherever the order's units are.
    pub location: Option<Location>,
}

/// The parcel, beside the order that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentOutcome {
    pub shipment_id: ShipmentId,
    #[serde(flatten)]
    pub order: OrderOutcome,
}

impl UseCase for ShipOrder {
    type Outcome = ShipmentOutcome;

    const NAME: &'static str = "ship_order";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = with_payments(self.order_id, view);
        match (seen_order(self.order_id, view), &self.lines) {
            (Some(_), Some(lines)) => lines.iter().fold(streams, |streams, (sku, _)| stock::read(streams, view, sku)),
            (Some(order), None) => order.demand().keys().fold(streams, |streams, sku| stock::read(streams, view, sku)),
            (None, _) => streams,
        }
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<ShipmentOutcome>, Rejection> {
        let order = require_order(view, self.order_id, None)?;
        let outcome = ShipmentOutcome { shipment_id: self.shipment_id, order: OrderOutcome::of(self.order_id, order) };
        let mut events = Events::default();
        if order.shipment(self.shipment_id).is_some() {
            return Ok(events.answer(outcome));
        }
        let wanted = self.wanted(view, order)?;
        let lines = wanted.as_ref().map(|lines| order.lines_of(lines)).transpose()?;
        let Self { order_id, shipment_id, .. } = *self;
        let parcel = stock::Parcel { order_id, shipment_id, location: self.location.as_ref() };
        let units = wanted.map_or_else(|| order.demand(), |lines| by_sku(&lines));
        let dispatch = Command::DispatchShipment {
            shipment_id: self.shipment_id,
            lines,
            carrier: self.carrier.clone(),
            tracking: self.tracking.clone(),
            location: stock::sent_from(view, parcel, &units)?,
            payment_covers: is_covered(view, order)?,
            at: now,
        };
        events.decide::<Order>(view, self.order_id.as_uuid(), dispatch)?;
        stock::ship(&mut events, view, parcel, units)?;
        Ok(events.answer(outcome))
    }

    fn shows(outcome: &ShipmentOutcome) -> Vec<StreamId> {
        outcome.order.shows()
    }
}

impl ShipOrder {
    /// Units by SKU; `None` is everything that is unsent, wherever it is.
    fn wanted(&self, view: &View<'_>, order: &Contents) -> Result<Option<Vec<(Sku, Quantity)>>, Rejection> {
        match (&self.lines, &self.location) {
            (Some(lines), _) => Ok(Some(lines.clone())),
            // Only of an order that is confirmed: what another one lacks is no stock.
            (None, Some(location)) if order.confirmed_by.is_some() => {
                let promised = stock::promised_at(view, self.order_id, order.demand(), location)?;
                Ok(Some(promised).filter(|promised| !promised.is_empty()))
            }
            (None, _) => Ok(None),
        }
    }
}

/// N5: each SKU once, whatever the lines. No more than the order has: that is checked by then.
fn by_sku(lines: &[(Sku, Quantity)]) -> BTreeMap<Sku, Quantity> {
    let mut units: BTreeMap<Sku, Quantity> = BTreeMap::new();
    for (sku, quantity) in lines {
        let sum = match units.get(sku) {
            Some(before) => before.checked_add(*quantity).expect("no order has more units of one SKU"),
            None => *quantity,
        };
        units.insert(sku.clone(), sum);
    }
    units
}

/// A parcel has arrived. The last one completes the order.
#[derive(Debug, Clone)]
pub struct DeliverShipment {
    pub order_id: OrderId,
    pub shipment_id: ShipmentId,
    /// `None` is now.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Keeps an order from being shipped, and says why.
#[derive(Debug, Clone)]
pub struct HoldOrder {
    pub order_id: OrderId,
    pub reason: Reason,
}

#[derive(Debug, Clone)]
pub struct ReleaseOrder {
    pub order_id: OrderId,
}

/// Where it is sent, as long as not everything is.
#[derive(Debug, Clone)]
pub struct CorrectAddress {
    pub order_id: OrderId,
    /// The customer whose order it has to be; `None` where staff asks.
    pub owner: Option<CustomerId>,
    pub shipping_address: Sealed,
    pub country: Option<Country>,
}

/// Use cases that are one command to an order and need nothing else; each says whose order it has to be.
macro_rules! changes_an_order {
    ($($use_case:ident = $name:literal of $owner:expr, |$self:ident, $now:pat_param| $command:expr;)+) => {$(
        impl UseCase for $use_case {
            type Outcome = OrderOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, view: &View<'_>) -> Streams {
                with_payments(self.order_id, view)
            }

            fn decide(&$self, view: &View<'_>, $now: DateTime<Utc>) -> Result<Decision<OrderOutcome>, Rejection> {
                let owner: fn(&Self) -> Option<CustomerId> = $owner;
                let order = require_order(view, $self.order_id, owner($self))?;
                let mut events = Events::default();
                events.decide::<Order>(view, $self.order_id.as_uuid(), $command)?;
                Ok(events.answer(OrderOutcome::of($self.order_id, order)))
            }

            fn shows(outcome: &OrderOutcome) -> Vec<StreamId> {
                outcome.shows()
            }
        }
    )+};
}

changes_an_order! {
    DeliverShipment = "deliver_shipment" of |_| None, |self, now| Command::DeliverShipment {
        shipment_id: self.shipment_id,
        delivered_at: self.delivered_at.unwrap_or(now),
    };
    HoldOrder = "hold_order" of |_| None, |self, _| Command::Hold { reason: self.reason.clone() };
    ReleaseOrder = "release_order" of |_| None, |self, _| Command::Release;
    CorrectAddress = "correct_address" of |correct| correct.owner, |self, _| Command::CorrectAddress {
        shipping_address: self.shipping_address.clone(),
        country: self.country,
    };
}

/// The order, if it is there and the asker's: otherwise both are told the same.
pub(crate) fn require_order<'a>(
    view: &View<'a>,
    order_id: OrderId,
    owner: Option<CustomerId>,
) -> Result<&'a Contents, Rejection> {
    let state = view.state::<Order>(order_id.as_uuid())?;
    if let order::State::Imported(known) = state
        && owner.is_none_or(|owner| known.order.customer_id == Some(owner))
    {
        // What an earlier system has done is done.
        return Err(state.illegal().into());
    }
    match state.contents() {
        Some(order) if owner.is_none_or(|owner| owner == order.customer_id) => Ok(order),
        _ => Err(Rejection::NotFound { what: "order", id: order_id.to_string() }),
    }
}

/// The payments that the order knows of, in the order in which they were tried.
pub(crate) fn payments_of(order: &Contents) -> impl Iterator<Item = PaymentId> {
    order.payment_ids().into_iter()
}

fn seen_order<'a>(order_id: OrderId, view: &View<'a>) -> Option<&'a Contents> {
    view.seen::<Order>(order_id.as_uuid()).and_then(order::State::contents)
}

/// The order, and then its payments.
pub(crate) fn with_payments(order_id: OrderId, view: &View<'_>) -> Streams {
    let streams = Streams::default().read::<Order>(order_id.as_uuid());
    match seen_order(order_id, view) {
        Some(order) => payments_of(order).fold(streams, |streams, id| streams.read::<Payment>(id.as_uuid())),
        None => streams,
    }
}

/// The order, and then its payments and, while it holds any, the stock of everything that is unsent.
pub(crate) fn with_stock(order_id: OrderId, view: &View<'_>) -> Streams {
    let streams = with_payments(order_id, view);
    match view.seen::<Order>(order_id.as_uuid()) {
        Some(order::State::Pending(order) | order::State::Confirmed(order)) => {
            order.demand().keys().fold(streams, |streams, sku| stock::read(streams, view, sku))
        }
        _ => streams,
    }
}

/// O6: whether the payment that confirmed the order is authorised or captured, and not on its way back. Where everything that
/// is owed has been taken, what becomes of the rest of the authorisation does not matter.
fn is_covered(view: &View<'_>, order: &Contents) -> Result<bool, Rejection> {
    let Some(payment_id) = order.confirmed_by else { return Ok(false) };
    let Some(payment) = view.state::<Payment>(payment_id.as_uuid())?.ledger() else { return Ok(false) };
    let has_paid = payment.captured() >= order.owed() && payment.refundable().is_positive();
    Ok(payment.covers_shipping() || has_paid)
}

/// Lets go of everything that is held for an order: a pending one has reservations, a confirmed one allocations.
fn set_stock_free(events: &mut Events, view: &View<'_>, order_id: OrderId) -> Result<(), Rejection> {
    let order = view.state::<Order>(order_id.as_uuid())?;
    let command = match order {
        order::State::Pending(_) => inventory::Command::ReleaseReservation { order_id },
        _ => inventory::Command::ReleaseAllocation { order_id, quantity: None },
    };
    let skus = order.contents().map(Contents::demand).unwrap_or_default().into_keys();
    stock::everywhere_decide(events, view, skus, &command)
}

#[cfg(test)]
mod tests;
