//! Checkout: a cart becomes an order, with its stock reserved and its payment opened, in one append or not at all.
//!
//! Reads the cart, then the product and the stock of every line. That all of them are true when it commits is the
//! executor's promise, so nothing is oversold and nothing has to be undone.

use chrono::{DateTime, TimeDelta, Utc};
use domain::cart::{self, Cart, Prices};
use domain::country::Country;
use domain::ids::{CartId, CustomerId, LineId, OrderId, PaymentId, Sku};
use domain::money::Money;
use domain::order::{self, NewLine, Order};
use domain::payment::{self, Method, Payment, PaymentToken, Provider};
use domain::sealed::Sealed;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::carts::{prices, products_of, require_cart};
use crate::gateway::CALL_DEADLINE_SECONDS;
use crate::orders::payments_of;
use crate::rejection::Rejection;
use crate::stock;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// N8: how long a reservation outlives the call that asks for the money.
const RESERVATION_MINUTES: i64 = 15;

/// How long a reservation lives from the moment in which a payment is opened: until the deadline of the call that
/// follows at once, and 15 minutes more. So the first try to authorise needs no event that extends it.
pub const RESERVATION_LIFETIME: TimeDelta = TimeDelta::seconds(RESERVATION_MINUTES * 60 + CALL_DEADLINE_SECONDS as i64);

/// How the order is to be paid.
#[derive(Debug, Clone, PartialEq)]
pub struct PaymentDetails {
    pub provider: Provider,
    pub method: Method,
    pub token: PaymentToken,
}

#[derive(Debug, Clone)]
pub struct CheckOut {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
    /// Made just now, as the payment's: nobody has used them.
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    pub payment: PaymentDetails,
    pub shipping_address: Sealed,
    pub email: Option<Sealed>,
    pub country: Option<Country>,
    pub expected_total: Option<Money>,
}

/// `created` is false where the cart had become an order before: then the ids are that order's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOutOutcome {
    pub order_id: OrderId,
    pub payment_id: PaymentId,
    /// The payment that covers the order, where that is not the one it was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<PaymentId>,
    pub created: bool,
}

impl UseCase for CheckOut {
    type Outcome = CheckOutOutcome;

    const NAME: &'static str = "check_out";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Cart>(self.cart_id.as_uuid());
        match view.seen::<Cart>(self.cart_id.as_uuid()) {
            Some(cart::State::Open(cart)) => stock_of(cart, view, products_of(cart, streams))
                .fresh::<Order>(self.order_id.as_uuid())
                .fresh::<Payment>(self.payment_id.as_uuid()),
            Some(cart::State::CheckedOut { order_id, .. }) => existing(*order_id, view, streams),
            _ => streams,
        }
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<CheckOutOutcome>, Rejection> {
        let state = require_cart(view, self.cart_id, self.owner)?;
        if let cart::State::CheckedOut { order_id, .. } = state {
            return already(*order_id, view);
        }
        let mut events = Events::default();
        self.check_out_cart(&mut events, view, prices(view, state)?, now)?;
        let cart = state.contents().expect("a cart that can be checked out has contents");
        events.decide::<Order>(view, self.order_id.as_uuid(), self.create_order(cart, now))?;
        let lines = cart.lines.iter().map(|line| (&line.sku, line.quantity));
        stock::reserve(&mut events, view, self.order_id, lines, (now + RESERVATION_LIFETIME, now))?;
        let initiate = self.payment.initiate(self.order_id, cart.total);
        events.decide::<Payment>(view, self.payment_id.as_uuid(), initiate)?;
        let (order_id, payment_id) = (self.order_id, self.payment_id);
        Ok(events.answer(CheckOutOutcome { order_id, payment_id, covered_by: None, created: true }))
    }

    fn shows(outcome: &CheckOutOutcome) -> Vec<StreamId> {
        let payments = std::iter::once(outcome.payment_id).chain(outcome.covered_by);
        let payments = payments.map(|payment_id| Payment::stream(payment_id.as_uuid()));
        std::iter::once(Order::stream(outcome.order_id.as_uuid())).chain(payments).collect()
    }
}

impl CheckOut {
    fn check_out_cart(
        &self,
        events: &mut Events,
        view: &View<'_>,
        prices: Prices,
        at: DateTime<Utc>,
    ) -> Result<(), Rejection> {
        let (order_id, expected_total) = (self.order_id, self.expected_total);
        let command = cart::Command::CheckOut { order_id, prices, expected_total, at };
        events.decide::<Cart>(view, self.cart_id.as_uuid(), command)
    }

    fn create_order(&self, cart: &cart::Contents, at: DateTime<Utc>) -> order::Command {
        let lines = cart.lines.iter().map(|line| NewLine {
            id: line_id(self.order_id, &line.sku),
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        });
        let nothing = Money::zero(cart.currency);
        order::Command::Create(Box::new(order::Create {
            order_id: self.order_id,
            cart_id: self.cart_id,
            payment_id: self.payment_id,
            customer_id: cart.customer_id,
            currency: cart.currency,
            lines: lines.collect(),
            shipping: nothing,
            tax: nothing,
            discount: nothing,
            shipping_address: self.shipping_address.clone(),
            email: self.email.clone(),
            country: self.country,
            at,
        }))
    }
}

impl PaymentDetails {
    pub(crate) fn initiate(&self, order_id: OrderId, amount: Money) -> payment::Command {
        let Self { provider, method, token } = self.clone();
        payment::Command::Initiate { order_id, amount, method, token, provider }
    }
}

/// The same order and SKU always give the same line, so that a decision needs no randomness.
fn line_id(order_id: OrderId, sku: &Sku) -> LineId {
    LineId::from_uuid(Uuid::new_v5(&order_id.as_uuid(), sku.as_str().as_bytes()))
}

fn stock_of(cart: &cart::Contents, view: &View<'_>, streams: Streams) -> Streams {
    cart.lines.iter().fold(streams, |streams, line| stock::read(streams, view, &line.sku))
}

fn existing(order_id: OrderId, view: &View<'_>, streams: Streams) -> Streams {
    let streams = streams.read::<Order>(order_id.as_uuid());
    match view.seen::<Order>(order_id.as_uuid()).and_then(order::State::contents) {
        Some(order) => payments_of(order).fold(streams, |streams, id| streams.read::<Payment>(id.as_uuid())),
        None => streams,
    }
}

/// C6: a cart yields one order, whatever is repeated or raced.
fn already(order_id: OrderId, view: &View<'_>) -> Result<Decision<CheckOutOutcome>, Rejection> {
    let order = view.state::<Order>(order_id.as_uuid())?.contents();
    let order = order.expect("cart.checked_out and order.created are one append");
    let payment_id = order.payment_id;
    let covered_by = payments_of(order).find(|other| *other != payment_id);
    Ok(Events::default().answer(CheckOutOutcome { order_id, payment_id, covered_by, created: false }))
}

#[cfg(test)]
mod tests;
