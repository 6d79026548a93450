//! What an order is created from, and the sums it is created with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Created, CreatedLine, Error, LINES_MAX, too_large};
use crate::{
    country::Country,
    ids::{CartId, CustomerId, LineId, OrderId, OrderNumber, PaymentId, Quantity, Sku},
    money::{self, Currency, Money},
    product::Name,
    sealed::Sealed,
};

/// Names and prices come from the cart, at the prices it was checked out with.
#[derive(Debug, Clone, PartialEq)]
pub struct Create {
    pub order_id: OrderId,
    pub cart_id: CartId,
    pub payment_id: PaymentId,
    pub customer_id: CustomerId,
    pub currency: Currency,
    pub lines: Vec<NewLine>,
    pub shipping: Money,
    pub tax: Money,
    pub discount: Money,
    pub shipping_address: Sealed,
    pub email: Option<Sealed>,
    pub country: Option<Country>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewLine {
    pub id: LineId,
    pub sku: Sku,
    pub name: Name,
    pub quantity: Quantity,
    pub unit_price: Money,
}

impl Create {
    /// O3: every sum is made here, once, and never again.
    pub(super) fn priced(self) -> Result<Created, Error> {
        self.require_lines()?;
        self.require_units()?;
        for amount in [self.shipping, self.tax, self.discount] {
            self.require_amount(amount)?;
        }
        let mut lines = Vec::with_capacity(self.lines.len());
        for line in &self.lines {
            self.require_amount(line.unit_price)?;
            let NewLine { id, sku, name, quantity, unit_price } = line.clone();
            let line_total = unit_price.checked_mul(quantity).map_err(too_large)?;
            lines.push(CreatedLine { id, sku, name, quantity, unit_price, line_total });
        }
        let subtotal = Money::total(self.currency, lines.iter().map(|line| line.line_total)).map_err(too_large)?;
        let total = self.total(subtotal).map_err(too_large)?;
        self.require_amount(total)?;
        Ok(Created {
            number: OrderNumber::of(self.order_id),
            cart_id: self.cart_id,
            payment_id: self.payment_id,
            customer_id: self.customer_id,
            lines,
            subtotal,
            shipping: self.shipping,
            tax: self.tax,
            discount: self.discount,
            total,
            shipping_address: self.shipping_address,
            email: self.email,
            country: self.country,
            created_at: self.at,
        })
    }

    fn total(&self, subtotal: Money) -> Result<Money, money::Error> {
        subtotal.checked_add(self.shipping)?.checked_add(self.tax)?.checked_sub(self.discount)
    }

    fn require_lines(&self) -> Result<(), Error> {
        if self.lines.is_empty() {
            return Err(Error::EmptyOrder);
        }
        if self.lines.len() > LINES_MAX {
            return Err(Error::TooManyLines { max: LINES_MAX });
        }
        let mut seen = BTreeSet::new();
        match self.lines.iter().find(|line| !seen.insert(line.id)) {
            Some(line) => Err(Error::DuplicateLine { line_id: line.id }),
            None => Ok(()),
        }
    }

    /// N5: stock is asked for by SKU, so a SKU's lines together are one quantity.
    fn require_units(&self) -> Result<(), Error> {
        let mut units = BTreeMap::new();
        for line in &self.lines {
            let sum = units.entry(&line.sku).or_insert(0);
            *sum += line.quantity.get();
            if *sum > Quantity::MAX.get() {
                return Err(Error::QuantityOutOfRange { sku: line.sku.clone(), found: *sum, max: Quantity::MAX.get() });
            }
        }
        Ok(())
    }

    fn require_amount(&self, amount: Money) -> Result<(), Error> {
        if amount.currency() != self.currency {
            return Err(Error::CurrencyMismatch { expected: self.currency, found: amount.currency() });
        }
        if amount.is_negative() { Err(Error::NegativeAmount { amount }) } else { Ok(()) }
    }
}
