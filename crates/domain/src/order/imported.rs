//! An order of an earlier system, as it was charged there, and what was given back of it. A record of what is over: it
//! touches neither stock nor payment, and nothing can be done to it but record what the earlier system refunded.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CreatedLine, Error, Event, LINES_MAX, NewLine, State, too_large};
use crate::{
    country::Country,
    ids::{CustomerId, LineId, OrderId, OrderNumber, Quantity, Sku, Text},
    money::{Currency, Money},
};

/// Refunds recorded of one order. Far above what any order of a real year has (13), and a bound on what its state holds.
pub const IMPORTED_REFUNDS_MAX: usize = 500;

/// What an earlier system is called: `online-retail`.
pub type Source = Text<100>;
/// What the earlier system called an order or a refund: the number of an invoice.
pub type Reference = Text<100>;

/// An order as the earlier system charged it, with its own prices. It has lines only: what was charged for shipping is a
/// line where the earlier system has it so.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    pub order_id: OrderId,
    pub source: Source,
    pub reference: Reference,
    /// `None` where the earlier system does not say who bought.
    pub customer_id: Option<CustomerId>,
    pub currency: Currency,
    pub lines: Vec<NewLine>,
    /// `None` where the earlier system does not say, or names what is no country.
    pub country: Option<Country>,
    pub occurred_at: DateTime<Utc>,
}

/// What the earlier system gave back of an imported order.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRefund {
    pub reference: Reference,
    pub lines: Vec<LineRefund>,
    pub occurred_at: DateTime<Utc>,
}

/// Units of one line that came back, and what was given back for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineRefund {
    pub line_id: LineId,
    pub sku: Sku,
    pub quantity: Quantity,
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    pub number: OrderNumber,
    pub source: Source,
    pub reference: Reference,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    pub lines: Vec<CreatedLine>,
    /// The sum of the lines.
    pub total: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    pub occurred_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedRefund {
    pub reference: Reference,
    pub lines: Vec<LineRefund>,
    /// The sum of the lines.
    pub amount: Money,
    pub occurred_at: DateTime<Utc>,
}

/// What is known of an imported order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedOrder {
    pub order: Imported,
    /// By reference.
    pub refunds: BTreeMap<Reference, ImportedRefund>,
}

impl ImportedOrder {
    /// The units of a line that came back, and what was given back for them.
    pub fn refunded(&self, line_id: LineId) -> (i64, Money) {
        let lines = self.refunds.values().flat_map(|refund| &refund.lines).filter(|line| line.line_id == line_id);
        lines.fold((0, Money::zero(self.order.total.currency())), |(units, amount), line| {
            (units + line.quantity.get(), amount.saturating_add(line.amount))
        })
    }

    pub(super) fn weight(&self) -> usize {
        let line = |line: &CreatedLine| size_of::<CreatedLine>() + line.sku.as_str().len() + line.name.as_str().len();
        let refund = |(reference, refund): (&Reference, &ImportedRefund)| {
            size_of::<ImportedRefund>() + 2 * reference.as_str().len() + refund.lines.len() * size_of::<LineRefund>()
        };
        size_of::<Self>()
            + self.order.lines.iter().map(line).sum::<usize>()
            + self.refunds.iter().map(refund).sum::<usize>()
    }
}

impl Import {
    fn imported(self) -> Result<Imported, Error> {
        if self.lines.is_empty() {
            return Err(Error::EmptyOrder);
        }
        if self.lines.len() > LINES_MAX {
            return Err(Error::TooManyLines { max: LINES_MAX });
        }
        let (mut seen, mut lines) = (BTreeSet::new(), Vec::with_capacity(self.lines.len()));
        let mut total = Money::zero(self.currency);
        for NewLine { id, sku, name, quantity, unit_price } in self.lines {
            if !seen.insert(id) {
                return Err(Error::DuplicateLine { line_id: id });
            }
            require_amount(unit_price, self.currency)?;
            let line_total = unit_price.checked_mul(quantity).map_err(too_large)?;
            total = total.checked_add(line_total).map_err(too_large)?;
            lines.push(CreatedLine { id, sku, name, quantity, unit_price, line_total });
        }
        Ok(Imported {
            number: OrderNumber::of(self.order_id),
            source: self.source,
            reference: self.reference,
            customer_id: self.customer_id,
            lines,
            total,
            country: self.country,
            occurred_at: self.occurred_at,
        })
    }
}

fn require_amount(amount: Money, currency: Currency) -> Result<(), Error> {
    if amount.currency() != currency {
        return Err(Error::CurrencyMismatch { expected: currency, found: amount.currency() });
    }
    if amount.is_negative() { Err(Error::NegativeAmount { amount }) } else { Ok(()) }
}

/// The stream itself says what is imported already, so that a second run of an import needs no keys: the same order again
/// changes nothing, and another under its name is refused.
pub(super) fn import(state: &State, import: Import) -> Result<Vec<Event>, Error> {
    let reference = import.reference.clone();
    match state {
        State::Absent => Ok(vec![Event::Imported(Box::new(import.imported()?))]),
        State::Imported(known) if known.order == import.imported()? => Ok(vec![]),
        State::Imported(_) => Err(Error::ImportDiffers { reference }),
        _ => Err(state.illegal()),
    }
}

/// Never more units of a line than it had, nor more money than was charged for it.
pub(super) fn import_refund(state: &State, refund: ImportRefund) -> Result<Vec<Event>, Error> {
    let State::Imported(known) = state else { return Err(state.illegal()) };
    let ImportRefund { reference, lines, occurred_at } = refund;
    if lines.is_empty() {
        return Err(Error::NoLines);
    }
    let currency = known.order.total.currency();
    let mut amount = Money::zero(currency);
    for line in &lines {
        require_amount(line.amount, currency)?;
        amount = amount.checked_add(line.amount).map_err(too_large)?;
    }
    let event = ImportedRefund { reference, lines, amount, occurred_at };
    match known.refunds.get(&event.reference) {
        Some(recorded) if *recorded == event => return Ok(vec![]),
        Some(_) => return Err(Error::ImportDiffers { reference: event.reference }),
        None if known.refunds.len() >= IMPORTED_REFUNDS_MAX => {
            return Err(Error::TooManyRefunds { max: IMPORTED_REFUNDS_MAX });
        }
        None => {}
    }
    require_returnable(known, &event.lines)?;
    Ok(vec![Event::ImportedRefund(event)])
}

fn require_returnable(known: &ImportedOrder, refunds: &[LineRefund]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for refund in refunds {
        let (line_id, requested) = (refund.line_id, refund.quantity.get());
        let found = known.order.lines.iter().find(|line| line.id == line_id && line.sku == refund.sku);
        let line = found.ok_or_else(|| Error::LineNotFound { line: line_id.to_string() })?;
        if !seen.insert(line_id) {
            return Err(Error::DuplicateLine { line_id });
        }
        let (units, amount) = known.refunded(line_id);
        let remaining = line.quantity.get() - units;
        if requested > remaining {
            return Err(Error::TooManyUnits { sku: line.sku.clone(), requested, remaining });
        }
        let left = line.line_total.checked_sub(amount).map_err(too_large)?;
        if refund.amount.amount() > left.amount() {
            return Err(Error::RefundTooLarge { sku: line.sku.clone(), requested: refund.amount, remaining: left });
        }
    }
    Ok(())
}
