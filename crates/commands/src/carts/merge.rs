//! C7: a guest's cart goes into the customer's, at login.

use chrono::{DateTime, Utc};
use domain::cart::{self, Cart, Command, Dropped, Merge, Offers};
use domain::ids::{self, CartId, CustomerId};
use domain::product::Product;
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use super::{products_of, require_cart};
use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// One append over both carts: what one loses the other has, or it is said to be dropped.
#[derive(Debug, Clone)]
pub struct MergeCarts {
    /// The cart that takes the other one in, and whose it has to be.
    pub into: CartId,
    pub owner: Option<CustomerId>,
    pub from: CartId,
    /// Whose the other one has to be: the guest whose token the asker holds.
    pub guest: CustomerId,
}

/// The cart that took the other one in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergeOutcome {
    pub cart_id: CartId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
}

impl UseCase for MergeCarts {
    type Outcome = MergeOutcome;

    const NAME: &'static str = "merge_carts";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Cart>(self.into.as_uuid()).read::<Cart>(self.from.as_uuid());
        match view.seen::<Cart>(self.from.as_uuid()) {
            Some(cart::State::Open(from)) => products_of(from, streams),
            _ => streams,
        }
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<MergeOutcome>, Rejection> {
        let Self { into: cart_id, from: source, .. } = *self;
        if cart_id == source {
            return Err(cart::Error::SameCart.into());
        }
        let into = require_cart(view, cart_id, self.owner)?;
        let from = require_cart(view, source, Some(self.guest))?;
        let mut events = Events::default();
        if let cart::State::Merged { into: merged_into, dropped, .. } = from
            && *merged_into == cart_id
        {
            return Ok(events.answer(MergeOutcome { cart_id, dropped: dropped.clone() }));
        }
        let Merge { taken, dropped } = Merge::of(into, from, &offers(view, from)?)?;
        events.decide::<Cart>(view, cart_id.as_uuid(), Command::TakeIn { items: taken })?;
        let merge = Command::Merge { into: cart_id, dropped: dropped.clone() };
        events.decide::<Cart>(view, source.as_uuid(), merge)?;
        Ok(events.answer(MergeOutcome { cart_id, dropped }))
    }

    fn shows(outcome: &MergeOutcome) -> Vec<StreamId> {
        vec![Cart::stream(outcome.cart_id.as_uuid())]
    }
}

/// Those of an open cart's products that are for sale.
fn offers(view: &View<'_>, cart: &cart::State) -> Result<Offers, Rejection> {
    let mut offers = Offers::new();
    let cart::State::Open(cart) = cart else { return Ok(offers) };
    for line in cart.lines.iter() {
        if let Ok(offer) = view.state::<Product>(ids::product_stream(&line.sku))?.offer() {
            offers.insert(line.sku.clone(), offer);
        }
    }
    Ok(offers)
}

#[cfg(test)]
mod tests;
