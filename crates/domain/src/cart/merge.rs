//! C7: what a guest has in their cart goes into the customer's, at login. Quantities add up and are clamped; what finds no
//! room is dropped, and said.

use std::collections::BTreeMap;

use super::{Contents, Dropped, Error, ItemAdded, LINES_MAX, Line, State, add_item};
use crate::{
    ids::{Quantity, Sku, Text},
    product::Offer,
};

/// What products are offered at now, by SKU. One that is not for sale is not in it.
pub type Offers = BTreeMap<Sku, Offer>;

/// What a merge comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merge {
    /// For the cart that takes it in, in the order of the other one's lines.
    pub taken: Vec<ItemAdded>,
    pub dropped: Vec<Dropped>,
}

impl Merge {
    /// Of two open carts. Each line takes the price of now, as any line that is added does.
    pub fn of(into: &State, from: &State, offers: &Offers) -> Result<Self, Error> {
        let (mut into, from) = (into.open()?.clone(), from.open()?);
        let mut merge = Self::default();
        for line in from.lines.iter() {
            match offers.get(&line.sku) {
                Some(offer) => merge.take(&mut into, line, offer),
                None => merge.drop(line, line.quantity.get(), "product_not_published"),
            }
        }
        Ok(merge)
    }

    fn take(&mut self, into: &mut Contents, line: &Line, offer: &Offer) {
        let present = into.line(&line.sku).map_or(0, |line| line.quantity.get());
        let room = Quantity::MAX.get() - present;
        let Ok(quantity) = Quantity::new(line.quantity.get().min(room)) else {
            return self.drop(line, line.quantity.get(), "quantity_out_of_range");
        };
        let Offer { sku, name, unit_price } = offer.clone();
        let added = ItemAdded { sku, name, quantity, unit_price };
        match add_item(into, added.clone()) {
            Ok(_) => {
                into.add(&added);
                self.taken.push(added);
                self.drop(line, line.quantity.get() - quantity.get(), "quantity_out_of_range");
            }
            Err(error) => self.drop(line, line.quantity.get(), error.code()),
        }
    }

    fn drop(&mut self, line: &Line, units: i64, reason: &'static str) {
        if let Ok(quantity) = Quantity::new(units) {
            let reason = Text::new(reason).expect("the code of an error is a short line of text");
            self.dropped.push(Dropped { sku: line.sku.clone(), quantity, reason });
        }
    }
}

/// Each item as if it were added alone, after those before it.
pub(super) fn take_in(cart: &Contents, items: Vec<ItemAdded>) -> Result<Vec<super::Event>, Error> {
    // A bound on the work, before any of it is done: no cart has more to give.
    if items.len() > LINES_MAX {
        return Err(Error::TooManyLines { max: LINES_MAX });
    }
    let mut cart = cart.clone();
    let mut events = Vec::with_capacity(items.len());
    for item in items {
        events.extend(add_item(&cart, item.clone())?);
        cart.add(&item);
    }
    Ok(events)
}
