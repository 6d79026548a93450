//! A cart: what someone means to buy, at the prices they were shown. One stream a cart.
//!
//! `open -> checked_out | discarded | merged | expired`. Knows no product and no stock: names and prices come from
//! the product's state inside the commands, never from a buyer.

mod events;
mod merge;
mod state;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use self::{
    events::{
        CheckedOut, CustomerAssigned, Discarded, Dropped, Event, Expired, ItemAdded, ItemQuantityChanged, ItemRemoved,
        Merged, Opened, Repriced, RepricedLine,
    },
    merge::{Merge, Offers},
    state::{Contents, Line, State},
};
use crate::{
    aggregate::{Aggregate, listed},
    ids::{CartId, CustomerId, OrderId, Quantity, Sku},
    money::{self, Currency, Money},
    product::Name,
};

/// C2. The largest basket of a real year of sales has 1,110 lines.
pub const LINES_MAX: usize = 2_000;

/// What products cost now, by SKU. One that is not for sale is not in it.
pub type Prices = BTreeMap<Sku, Money>;

/// The aggregate.
#[derive(Debug)]
pub struct Cart;

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Open {
        customer_id: CustomerId,
        guest: bool,
        currency: Currency,
        at: DateTime<Utc>,
    },
    AddItem {
        sku: Sku,
        name: Name,
        quantity: Quantity,
        unit_price: Money,
    },
    ChangeQuantity {
        sku: Sku,
        quantity: Quantity,
        unit_price: Money,
    },
    RemoveItem {
        sku: Sku,
    },
    Reprice {
        prices: Prices,
    },
    AssignCustomer {
        customer_id: CustomerId,
    },
    /// C7: what another cart brings, as [`Merge`] has found room for it.
    TakeIn {
        items: Vec<ItemAdded>,
    },
    Merge {
        into: CartId,
        dropped: Vec<Dropped>,
    },
    CheckOut {
        order_id: OrderId,
        prices: Prices,
        expected_total: Option<Money>,
        at: DateTime<Utc>,
    },
    Discard,
    Expire,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("the cart is {state}; it would accept {}", listed(allowed))]
    IllegalTransition { state: &'static str, allowed: Vec<&'static str> },
    #[error("a line has 1 to {max} units, and {sku} would have {found}")]
    QuantityOutOfRange { sku: Sku, found: i64, max: i64 },
    #[error("a cart has at most {max} lines")]
    TooManyLines { max: usize },
    #[error("the cart has no line of {sku}")]
    LineNotFound { sku: Sku },
    #[error("the cart is in {expected}, and the product is priced in {found}")]
    CurrencyMismatch { expected: Currency, found: Currency },
    #[error("the total does not fit")]
    AmountTooLarge,
    #[error("an empty cart cannot be checked out")]
    EmptyCart,
    #[error("{} of the cart's products are not for sale", skus.len())]
    NotForSale { skus: Vec<Sku> },
    #[error("{} of the cart's prices changed: the total was {cart_total} and is {current_total} now", lines.len())]
    PriceChanged { lines: Vec<PriceDifference>, cart_total: Money, current_total: Money },
    #[error("the total is {current_total}, not {expected_total}")]
    TotalDiffers { expected_total: Money, current_total: Money },
    #[error("the cart is a customer's already")]
    NotAGuests,
    #[error("a cart cannot be merged into itself")]
    SameCart,
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::QuantityOutOfRange { .. } => "quantity_out_of_range",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::LineNotFound { .. } => "line_not_found",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::AmountTooLarge => "amount_too_large",
            Self::EmptyCart => "empty_cart",
            Self::NotForSale { .. } => "product_not_published",
            Self::PriceChanged { .. } => "price_changed",
            Self::TotalDiffers { .. } => "expected_total_differs",
            Self::NotAGuests => "not_a_guests_cart",
            Self::SameCart => "same_cart",
        }
    }
}

/// A line whose price is not what it was when the buyer saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceDifference {
    pub sku: Sku,
    pub quantity: Quantity,
    pub cart_price: Money,
    pub current_price: Money,
}

impl Aggregate for Cart {
    const CATEGORY: &'static str = "cart";
    const STATE_VERSION: i32 = 2;

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::Absent
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Open { customer_id, guest, currency, at } => {
                open(state, Opened { customer_id, guest, currency, opened_at: at })
            }
            Command::AddItem { sku, name, quantity, unit_price } => {
                add_item(state.open()?, ItemAdded { sku, name, quantity, unit_price })
            }
            Command::ChangeQuantity { sku, quantity, unit_price } => {
                change_quantity(state.open()?, sku, quantity, unit_price)
            }
            Command::RemoveItem { sku } => Ok(remove_item(state.open()?, sku)),
            Command::Reprice { prices } => reprice(state.open()?, &prices),
            Command::AssignCustomer { customer_id } => assign_customer(state.open()?, customer_id),
            Command::TakeIn { items } => merge::take_in(state.open()?, items),
            Command::Merge { into, dropped } => merge(state, into, dropped),
            Command::CheckOut { order_id, prices, expected_total, at } => match state {
                // C6: whatever is repeated or raced, the order that exists is the order.
                State::CheckedOut { .. } => Ok(vec![]),
                _ => check_out(state.open()?, order_id, &prices, expected_total, at),
            },
            Command::Discard => match state {
                State::Discarded(_) => Ok(vec![]),
                _ => state.open().map(|_| vec![Event::Discarded(Discarded {})]),
            },
            Command::Expire => match state {
                // The deadline of a cart that came to another end meanwhile.
                State::CheckedOut { .. } | State::Discarded(_) | State::Merged { .. } | State::Expired(_) => Ok(vec![]),
                State::Absent | State::Open(_) => state.open().map(|_| vec![Event::Expired(Expired {})]),
            },
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Opened(opened) => State::Open(Contents::of(opened)),
            Event::ItemAdded(added) => state.map(|contents| contents.add(added)),
            Event::ItemQuantityChanged(changed) => state.map(|contents| contents.change_quantity(changed)),
            Event::ItemRemoved(removed) => state.map(|contents| contents.remove(&removed.sku)),
            Event::Repriced(repriced) => state.map(|contents| contents.reprice(&repriced.lines)),
            Event::CustomerAssigned(assigned) => state.map(|contents| contents.assign(assigned.customer_id)),
            Event::Merged(Merged { into, dropped }) => {
                state.end(|contents| State::Merged { contents, into: *into, dropped: dropped.clone() })
            }
            Event::CheckedOut(CheckedOut { order_id, .. }) => {
                state.end(|contents| State::CheckedOut { contents, order_id: *order_id })
            }
            Event::Discarded(Discarded {}) => state.end(State::Discarded),
            Event::Expired(Expired {}) => state.end(State::Expired),
        }
    }

    fn weight(state: &State) -> usize {
        let line = |line: &Line| size_of::<Line>() + line.sku.as_str().len() + line.name.as_str().len();
        let dropped = |dropped: &Dropped| size_of::<Dropped>() + dropped.sku.as_str().len();
        size_of::<State>()
            + state.lines().iter().map(line).sum::<usize>()
            + state.dropped().iter().map(dropped).sum::<usize>()
    }
}

fn open(state: &State, opened: Opened) -> Result<Vec<Event>, Error> {
    match state {
        State::Absent => Ok(vec![Event::Opened(opened)]),
        State::Open(contents) if contents.is_of(&opened) => Ok(vec![]),
        _ => Err(state.illegal()),
    }
}

fn add_item(cart: &Contents, added: ItemAdded) -> Result<Vec<Event>, Error> {
    let line = cart.line(&added.sku);
    if line.is_none() && cart.lines.len() >= LINES_MAX {
        return Err(Error::TooManyLines { max: LINES_MAX });
    }
    // C3: one line a SKU, so adding again adds up.
    let units = line.map_or(0, |line| line.quantity.get()) + added.quantity.get();
    let quantity = Quantity::new(units).map_err(|_| Error::QuantityOutOfRange {
        sku: added.sku.clone(),
        found: units,
        max: Quantity::MAX.get(),
    })?;
    require_total(cart, line, quantity, added.unit_price)?;
    Ok(vec![Event::ItemAdded(added)])
}

fn change_quantity(cart: &Contents, sku: Sku, quantity: Quantity, unit_price: Money) -> Result<Vec<Event>, Error> {
    let Some(line) = cart.line(&sku) else {
        return Err(Error::LineNotFound { sku });
    };
    require_total(cart, Some(line), quantity, unit_price)?;
    if line.quantity == quantity && line.unit_price == unit_price {
        return Ok(vec![]);
    }
    let previous_quantity = line.quantity;
    Ok(vec![Event::ItemQuantityChanged(ItemQuantityChanged { sku, quantity, previous_quantity, unit_price })])
}

/// C4, and that the total still fits when this line has so many units at this price.
fn require_total(cart: &Contents, line: Option<&Line>, quantity: Quantity, unit_price: Money) -> Result<(), Error> {
    require_currency(cart, unit_price)?;
    let others = cart.total.saturating_sub(line.map_or(Money::zero(cart.currency), Line::line_total));
    unit_price.checked_mul(quantity).and_then(|line_total| others.checked_add(line_total)).map_err(too_large)?;
    Ok(())
}

fn require_currency(cart: &Contents, price: Money) -> Result<(), Error> {
    if price.currency() == cart.currency {
        return Ok(());
    }
    Err(Error::CurrencyMismatch { expected: cart.currency, found: price.currency() })
}

fn too_large(_: money::Error) -> Error {
    Error::AmountTooLarge
}

fn remove_item(cart: &Contents, sku: Sku) -> Vec<Event> {
    let removed = cart.line(&sku).map(|line| line.quantity);
    removed.map(|quantity| Event::ItemRemoved(ItemRemoved { sku, quantity })).into_iter().collect()
}

fn reprice(cart: &Contents, prices: &Prices) -> Result<Vec<Event>, Error> {
    let differences = differences(cart, prices)?;
    if differences.is_empty() {
        return Ok(vec![]);
    }
    let total = total_at(cart, prices)?;
    let lines = differences
        .into_iter()
        .map(|line| RepricedLine {
            sku: line.sku,
            unit_price: line.current_price,
            previous_unit_price: line.cart_price,
        })
        .collect();
    Ok(vec![Event::Repriced(Repriced { lines, total })])
}

/// The lines that cost something else now. A product that is not for sale has no price that could differ.
fn differences(cart: &Contents, prices: &Prices) -> Result<Vec<PriceDifference>, Error> {
    let mut differences = Vec::new();
    for line in cart.lines.iter() {
        let Some(current_price) = prices.get(&line.sku).copied() else { continue };
        require_currency(cart, current_price)?;
        if current_price != line.unit_price {
            let (sku, quantity, cart_price) = (line.sku.clone(), line.quantity, line.unit_price);
            differences.push(PriceDifference { sku, quantity, cart_price, current_price });
        }
    }
    Ok(differences)
}

fn total_at(cart: &Contents, prices: &Prices) -> Result<Money, Error> {
    let at_current_price = |total: Money, line: &Line| {
        let unit_price = prices.get(&line.sku).copied().unwrap_or(line.unit_price);
        total.checked_add(unit_price.checked_mul(line.quantity)?)
    };
    cart.lines.iter().try_fold(Money::zero(cart.currency), at_current_price).map_err(too_large)
}

fn assign_customer(cart: &Contents, customer_id: CustomerId) -> Result<Vec<Event>, Error> {
    if !cart.guest {
        return if cart.customer_id == customer_id { Ok(vec![]) } else { Err(Error::NotAGuests) };
    }
    let previous_customer_id = cart.customer_id;
    Ok(vec![Event::CustomerAssigned(CustomerAssigned { customer_id, previous_customer_id })])
}

fn merge(state: &State, into: CartId, dropped: Vec<Dropped>) -> Result<Vec<Event>, Error> {
    match state {
        State::Merged { into: merged_into, .. } if *merged_into == into => Ok(vec![]),
        _ => state.open().map(|_| vec![Event::Merged(Merged { into, dropped })]),
    }
}

/// C8: what the buyer was shown is what they pay, or they are told.
fn check_out(
    cart: &Contents,
    order_id: OrderId,
    prices: &Prices,
    expected_total: Option<Money>,
    at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    if cart.lines.is_empty() {
        return Err(Error::EmptyCart);
    }
    let unpriced = cart.lines.iter().filter(|line| !prices.contains_key(&line.sku));
    let skus: Vec<Sku> = unpriced.map(|line| line.sku.clone()).collect();
    if !skus.is_empty() {
        return Err(Error::NotForSale { skus });
    }
    let lines = differences(cart, prices)?;
    if !lines.is_empty() {
        let current_total = total_at(cart, prices)?;
        return Err(Error::PriceChanged { lines, cart_total: cart.total, current_total });
    }
    if let Some(expected_total) = expected_total.filter(|expected| *expected != cart.total) {
        return Err(Error::TotalDiffers { expected_total, current_total: cart.total });
    }
    Ok(vec![Event::CheckedOut(CheckedOut { order_id, total: cart.total, checked_out_at: at })])
}

#[cfg(test)]
mod tests;
