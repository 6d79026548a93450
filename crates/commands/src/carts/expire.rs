//! C9: an open cart that nobody has touched for a while expires.

use chrono::{DateTime, TimeDelta, Utc};
use domain::cart::{self, Cart, Command};
use domain::ids::CartId;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::require_cart;
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// How long a guest's cart is kept: as long as the token that opens it.
const GUEST_LIFETIME: TimeDelta = TimeDelta::days(30);
const CUSTOMER_LIFETIME: TimeDelta = TimeDelta::days(90);

/// How long a cart may go untouched.
pub fn lifetime(guest: bool) -> TimeDelta {
    if guest { GUEST_LIFETIME } else { CUSTOMER_LIFETIME }
}

#[derive(Debug, Clone)]
pub struct ExpireCart {
    pub cart_id: CartId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpireOutcome {
    pub cart_id: CartId,
    /// Where it was touched meanwhile: when its time will be up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<DateTime<Utc>>,
}

impl UseCase for ExpireCart {
    type Outcome = ExpireOutcome;

    const NAME: &'static str = "expire_cart";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Cart>(self.cart_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<ExpireOutcome>, Rejection> {
        let cart_id = self.cart_id;
        let state = require_cart(view, cart_id, None)?;
        let mut events = Events::default();
        let again_at = match (state, view.changed_at::<Cart>(cart_id.as_uuid())) {
            (cart::State::Open(cart), Some(touched_at)) => {
                Some(touched_at + lifetime(cart.guest)).filter(|due_at| *due_at > now)
            }
            _ => None,
        };
        if again_at.is_none() {
            events.decide::<Cart>(view, cart_id.as_uuid(), Command::Expire)?;
        }
        Ok(events.answer(ExpireOutcome { cart_id, again_at }))
    }

    fn shows(outcome: &ExpireOutcome) -> Vec<StreamId> {
        vec![Cart::stream(outcome.cart_id.as_uuid())]
    }

    fn again_at(outcome: &ExpireOutcome) -> Option<DateTime<Utc>> {
        outcome.again_at
    }
}

#[cfg(test)]
mod tests;
