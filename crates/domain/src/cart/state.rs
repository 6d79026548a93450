//! What a cart is, folded from its events. Holds no rule but which states are open.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Dropped, Error, ItemAdded, ItemQuantityChanged, Opened, RepricedLine};
use crate::{
    aggregate::acceptable,
    ids::{CartId, CustomerId, OrderId, Quantity, Sku},
    money::{Currency, Money},
    product::Name,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum State {
    Absent,
    Open(Contents),
    CheckedOut { contents: Contents, order_id: OrderId },
    Discarded(Contents),
    Merged { contents: Contents, into: CartId, dropped: Vec<Dropped> },
    Expired(Contents),
}

/// The lines are shared, so that copying a cart costs nothing until it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    pub customer_id: CustomerId,
    pub guest: bool,
    pub currency: Currency,
    pub opened_at: DateTime<Utc>,
    /// In the order of first addition.
    pub lines: Arc<Vec<Line>>,
    pub total: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
}

impl Line {
    pub fn line_total(&self) -> Money {
        self.unit_price.saturating_mul(self.quantity.get())
    }
}

impl State {
    pub fn exists(&self) -> bool {
        self.contents().is_some()
    }

    /// As shown to people and in JSON.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Open(_) => "open",
            Self::CheckedOut { .. } => "checked_out",
            Self::Discarded(_) => "discarded",
            Self::Merged { .. } => "merged",
            Self::Expired(_) => "expired",
        }
    }

    pub fn contents(&self) -> Option<&Contents> {
        match self {
            Self::Absent => None,
            Self::Open(contents)
            | Self::CheckedOut { contents, .. }
            | Self::Discarded(contents)
            | Self::Merged { contents, .. }
            | Self::Expired(contents) => Some(contents),
        }
    }

    pub fn lines(&self) -> &[Line] {
        self.contents().map_or(&[], |contents| &contents.lines)
    }

    pub fn line(&self, sku: &Sku) -> Option<&Line> {
        self.contents().and_then(|contents| contents.line(sku))
    }

    /// The order that this cart became.
    pub fn order_id(&self) -> Option<OrderId> {
        match self {
            Self::CheckedOut { order_id, .. } => Some(*order_id),
            Self::Absent | Self::Open(_) | Self::Discarded(_) | Self::Merged { .. } | Self::Expired(_) => None,
        }
    }

    /// What found no room in the cart that this one was merged into.
    pub fn dropped(&self) -> &[Dropped] {
        match self {
            Self::Merged { dropped, .. } => dropped,
            Self::Absent | Self::Open(_) | Self::CheckedOut { .. } | Self::Discarded(_) | Self::Expired(_) => &[],
        }
    }

    /// C1: only an open cart takes item commands.
    pub(super) fn open(&self) -> Result<&Contents, Error> {
        match self {
            Self::Open(contents) => Ok(contents),
            _ => Err(self.illegal()),
        }
    }

    pub(super) fn illegal(&self) -> Error {
        let allowed = match self {
            Self::Absent => vec!["open"],
            Self::Open(cart) => cart.allowed(),
            Self::CheckedOut { .. } | Self::Discarded(_) | Self::Merged { .. } | Self::Expired(_) => vec![],
        };
        Error::IllegalTransition { state: self.status(), allowed }
    }

    pub(super) fn map(mut self, change: impl FnOnce(&mut Contents)) -> Self {
        match &mut self {
            Self::Absent => {}
            Self::Open(contents)
            | Self::CheckedOut { contents, .. }
            | Self::Discarded(contents)
            | Self::Merged { contents, .. }
            | Self::Expired(contents) => change(contents),
        }
        self
    }

    pub(super) fn end(self, ended: impl FnOnce(Contents) -> Self) -> Self {
        match self {
            Self::Open(contents) => ended(contents),
            Self::Absent | Self::CheckedOut { .. } | Self::Discarded(_) | Self::Merged { .. } | Self::Expired(_) => {
                self
            }
        }
    }
}

impl Contents {
    pub(super) fn of(opened: &Opened) -> Self {
        let Opened { customer_id, guest, currency, opened_at } = *opened;
        Self { customer_id, guest, currency, opened_at, lines: Arc::default(), total: Money::zero(currency) }
    }

    fn allowed(&self) -> Vec<&'static str> {
        let has_lines = !self.lines.is_empty();
        acceptable([
            ("add_item", true),
            ("change_quantity", has_lines),
            ("remove_item", has_lines),
            ("reprice", has_lines),
            ("assign_customer", self.guest),
            ("merge", true),
            ("check_out", has_lines),
            ("discard", true),
        ])
    }

    /// Whether opening it so would open it as it is.
    pub(super) fn is_of(&self, opened: &Opened) -> bool {
        (self.customer_id, self.guest, self.currency) == (opened.customer_id, opened.guest, opened.currency)
    }

    pub fn line(&self, sku: &Sku) -> Option<&Line> {
        self.lines.iter().find(|line| line.sku == *sku)
    }

    pub(super) fn add(&mut self, added: &ItemAdded) {
        let ItemAdded { sku, name, quantity, unit_price } = added.clone();
        match self.line(&sku).map(|line| line.quantity) {
            Some(present) => self.change(&sku, |line| {
                *line = Line { sku: line.sku.clone(), name, quantity: present.saturating_add(quantity), unit_price };
            }),
            None => {
                let line = Line { sku, name, quantity, unit_price };
                self.total = self.total.saturating_add(line.line_total());
                Arc::make_mut(&mut self.lines).push(line);
            }
        }
    }

    pub(super) fn change_quantity(&mut self, changed: &ItemQuantityChanged) {
        self.change(&changed.sku, |line| {
            line.quantity = changed.quantity;
            line.unit_price = changed.unit_price;
        });
    }

    pub(super) fn reprice(&mut self, repriced: &[RepricedLine]) {
        for RepricedLine { sku, unit_price, .. } in repriced {
            self.change(sku, |line| line.unit_price = *unit_price);
        }
    }

    pub(super) fn remove(&mut self, sku: &Sku) {
        let Some(place) = self.lines.iter().position(|line| line.sku == *sku) else { return };
        let line = Arc::make_mut(&mut self.lines).remove(place);
        self.total = self.total.saturating_sub(line.line_total());
    }

    pub(super) fn assign(&mut self, customer_id: CustomerId) {
        self.customer_id = customer_id;
        self.guest = false;
    }

    fn change(&mut self, sku: &Sku, change: impl FnOnce(&mut Line)) {
        let Some(line) = Arc::make_mut(&mut self.lines).iter_mut().find(|line| line.sku == *sku) else { return };
        let before = line.line_total();
        change(line);
        self.total = self.total.saturating_sub(before).saturating_add(line.line_total());
    }
}
