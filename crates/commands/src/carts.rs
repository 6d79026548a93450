//! Carts, as buyers fill them. Names and prices come from the products, never from the buyer.
//! [`merge`] makes one cart of two, [`expire`] ends one that nobody has touched.

pub mod expire;
pub mod merge;

use chrono::{DateTime, Utc};
use domain::cart::{self, Cart, Command, Prices};
use domain::ids::{self, CartId, CustomerId, Quantity, Sku};
use domain::money::Currency;
use domain::product::{self, Offer, Product};
use eventstore::event::StreamId;
use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;
use crate::use_case::{Decision, Events, Streams, UseCase, View};
use crate::world::Held;

/// The cart that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartOutcome {
    pub cart_id: CartId,
}

impl CartOutcome {
    fn shows(&self) -> Vec<StreamId> {
        vec![Cart::stream(self.cart_id.as_uuid())]
    }
}

#[derive(Debug, Clone)]
pub struct OpenCart {
    /// Made just now: nobody has used it.
    pub cart_id: CartId,
    pub customer_id: CustomerId,
    pub guest: bool,
    pub currency: Currency,
}

impl UseCase for OpenCart {
    type Outcome = CartOutcome;

    const NAME: &'static str = "open_cart";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().fresh::<Cart>(self.cart_id.as_uuid())
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<CartOutcome>, Rejection> {
        let Self { cart_id, customer_id, guest, currency } = *self;
        let mut events = Events::default();
        let command = Command::Open { customer_id, guest, currency, at: now };
        events.decide::<Cart>(view, cart_id.as_uuid(), command)?;
        Ok(events.answer(CartOutcome { cart_id }))
    }

    fn shows(outcome: &CartOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// `owner`, here and below: the customer whose cart it has to be; `None` where staff or a process asks.
#[derive(Debug, Clone)]
pub struct AddItem {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
    pub sku: Sku,
    pub quantity: Quantity,
}

impl UseCase for AddItem {
    type Outcome = CartOutcome;

    const NAME: &'static str = "add_item";

    fn streams(&self, _: &View<'_>) -> Streams {
        cart_and_product(self.cart_id, &self.sku)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<CartOutcome>, Rejection> {
        require_cart(view, self.cart_id, self.owner)?;
        let Offer { sku, name, unit_price } = offer(view, &self.sku)?;
        let mut events = Events::default();
        let command = Command::AddItem { sku, name, quantity: self.quantity, unit_price };
        events.decide::<Cart>(view, self.cart_id.as_uuid(), command)?;
        Ok(events.answer(CartOutcome { cart_id: self.cart_id }))
    }

    fn shows(outcome: &CartOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// Sets how many units a line has; the line takes on the product's price of now.
#[derive(Debug, Clone)]
pub struct ChangeQuantity {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
    pub sku: Sku,
    pub quantity: Quantity,
}

impl UseCase for ChangeQuantity {
    type Outcome = CartOutcome;

    const NAME: &'static str = "change_quantity";

    fn streams(&self, _: &View<'_>) -> Streams {
        cart_and_product(self.cart_id, &self.sku)
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<CartOutcome>, Rejection> {
        let cart = require_cart(view, self.cart_id, self.owner)?;
        // A line that is not there is told before anything about the product: the SKU is part of the address.
        if matches!(cart, cart::State::Open(_)) && cart.line(&self.sku).is_none() {
            return Err(cart::Error::LineNotFound { sku: self.sku.clone() }.into());
        }
        let Offer { sku, unit_price, .. } = offer(view, &self.sku)?;
        let mut events = Events::default();
        let command = Command::ChangeQuantity { sku, quantity: self.quantity, unit_price };
        events.decide::<Cart>(view, self.cart_id.as_uuid(), command)?;
        Ok(events.answer(CartOutcome { cart_id: self.cart_id }))
    }

    fn shows(outcome: &CartOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

#[derive(Debug, Clone)]
pub struct RemoveItem {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
    pub sku: Sku,
}

#[derive(Debug, Clone)]
pub struct DiscardCart {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
}

/// Use cases that are one command to a cart and need nothing else.
macro_rules! changes_a_cart {
    ($($use_case:ident = $name:literal, |$self:ident| $command:expr;)+) => {$(
        impl UseCase for $use_case {
            type Outcome = CartOutcome;

            const NAME: &'static str = $name;

            fn streams(&self, _: &View<'_>) -> Streams {
                Streams::default().read::<Cart>(self.cart_id.as_uuid())
            }

            fn decide(&$self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<CartOutcome>, Rejection> {
                require_cart(view, $self.cart_id, $self.owner)?;
                let mut events = Events::default();
                events.decide::<Cart>(view, $self.cart_id.as_uuid(), $command)?;
                Ok(events.answer(CartOutcome { cart_id: $self.cart_id }))
            }

            fn shows(outcome: &CartOutcome) -> Vec<StreamId> {
                outcome.shows()
            }
        }
    )+};
}

changes_a_cart! {
    RemoveItem = "remove_item", |self| Command::RemoveItem { sku: self.sku.clone() };
    DiscardCart = "discard_cart", |self| Command::Discard;
}

/// Gives every line the price of now. A line whose product is no longer sold keeps its own, and checkout names it.
#[derive(Debug, Clone)]
pub struct RepriceCart {
    pub cart_id: CartId,
    pub owner: Option<CustomerId>,
}

impl UseCase for RepriceCart {
    type Outcome = CartOutcome;

    const NAME: &'static str = "reprice_cart";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Cart>(self.cart_id.as_uuid());
        match view.seen::<Cart>(self.cart_id.as_uuid()) {
            Some(cart::State::Open(cart)) => products_of(cart, streams),
            _ => streams,
        }
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<CartOutcome>, Rejection> {
        let prices = prices(view, require_cart(view, self.cart_id, self.owner)?)?;
        let mut events = Events::default();
        events.decide::<Cart>(view, self.cart_id.as_uuid(), Command::Reprice { prices })?;
        Ok(events.answer(CartOutcome { cart_id: self.cart_id }))
    }

    fn shows(outcome: &CartOutcome) -> Vec<StreamId> {
        outcome.shows()
    }
}

/// The cart, if it is there and the asker's: otherwise both are told the same.
pub(crate) fn require_cart<'a>(
    view: &View<'a>,
    cart_id: CartId,
    owner: Option<CustomerId>,
) -> Result<&'a cart::State, Rejection> {
    let cart = view.state::<Cart>(cart_id.as_uuid())?;
    match cart.contents() {
        Some(contents) if owner.is_none_or(|owner| owner == contents.customer_id) => Ok(cart),
        _ => Err(Rejection::NotFound { what: "cart", id: cart_id.to_string() }),
    }
}

pub(crate) fn products_of(cart: &cart::Contents, streams: Streams) -> Streams {
    cart.lines.iter().fold(streams, |streams, line| streams.read::<Product>(ids::product_stream(&line.sku)))
}

/// What an open cart's products cost now. One that is not for sale is not among them, nor is anything of a cart that is
/// closed: its products are not looked at.
pub(crate) fn prices(view: &View<'_>, cart: &cart::State) -> Result<Prices, Rejection> {
    let mut prices = Prices::new();
    let cart::State::Open(cart) = cart else { return Ok(prices) };
    for line in cart.lines.iter() {
        if let Ok(offer) = view.state::<Product>(ids::product_stream(&line.sku))?.offer() {
            prices.insert(offer.sku, offer.unit_price);
        }
    }
    Ok(prices)
}

fn cart_and_product(cart_id: CartId, sku: &Sku) -> Streams {
    Streams::default().read::<Cart>(cart_id.as_uuid()).read::<Product>(ids::product_stream(sku))
}

fn offer(view: &View<'_>, sku: &Sku) -> Result<Offer, Rejection> {
    view.state::<Product>(ids::product_stream(sku))?.offer().map_err(|error| match error {
        product::Error::UnknownSku => Rejection::UnknownSku { sku: sku.to_string() },
        product::Error::NotPublished { .. } => Rejection::ProductNotPublished { sku: sku.to_string() },
        other => other.into(),
    })
}

#[cfg(test)]
mod tests;
