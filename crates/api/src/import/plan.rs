//! What the import will do: the orders that the file's sales are, and the refunds that its cancellations are. The whole file
//! is read and judged before anything is recorded.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::country::Country;
use domain::ids::{self, CustomerId, OrderId, Sku};
use domain::money::{Currency, Money};
use domain::order::{self, Import, ImportRefund, NewLine, Reference, Source};
use domain::product::Name;

use super::SOURCE;
use super::matching::{self, Cancellation};
use super::sums::{CountryCode, Ledger, Pence};
use super::verdict::{Charged, Kind, LeftOut, Nonsense, judge};
use crate::online_retail::price::Price;
use crate::online_retail::{A_TIME, Fields, FileError, Month, SaleFile, country, customer_id};

/// All amounts of the file are in pounds.
const CURRENCY: Currency = Currency::GBP;

#[derive(Debug)]
pub struct Plan {
    /// In the order of the file.
    pub orders: Vec<Import>,
    pub refunds: Vec<(OrderId, ImportRefund)>,
    /// Lines of the file, its header apart.
    pub lines: u64,
    /// What the taken lines come to, added up line by line as they stand in the file.
    pub file: Ledger,
    /// Stock codes that are no SKU, and what they are called in the book.
    pub renamed: Vec<(Box<str>, Sku)>,
    /// What the file calls a country that it does not name.
    pub unknown_countries: Vec<Box<str>>,
    /// Lines of cancellations that name another country than their order: it is the order's that they are taken off.
    pub elsewhere: u64,
    left_out: [Amount; LeftOut::ALL.len()],
}

/// Lines, and what they come to where that can be said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    pub lines: u64,
    pub pence: Pence,
}

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the stock codes {code:?} and {sku:?} would be one SKU, {sku}")]
    OneSku { code: Box<str>, sku: String },
}

impl Plan {
    /// Reads the whole file once, streaming.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let mut file = SaleFile::open(path)?;
        let mut reading = Reading::default();
        while let Some(line) = file.read()? {
            if let Err((value, expected)) = reading.take(&line) {
                return Err(file.wrong(&value, expected).into());
            }
        }
        reading.finish(file.count())
    }

    pub fn left_out(&self, reason: LeftOut) -> Amount {
        self.left_out[reason as usize]
    }

    /// Sale lines and lines of cancellations that the book will have.
    pub fn taken(&self) -> u64 {
        self.file.sales.lines + self.file.refunds.lines
    }
}

/// The file while it is read. What comes again and again is kept once.
#[derive(Default)]
struct Reading {
    orders: Vec<Import>,
    /// By invoice, the place among `orders` and the country as the file names it.
    invoices: HashMap<Box<str>, (usize, Box<str>)>,
    skus: HashMap<Box<str>, Sku>,
    names: HashMap<Box<str>, Name>,
    cancellations: Vec<(Cancellation, CountryCode)>,
    /// When a cancellation was made: as its first line says.
    cancelled_at: HashMap<Box<str>, DateTime<Utc>>,
    file: Ledger,
    unknown_countries: Vec<Box<str>>,
    left_out: [Amount; LeftOut::ALL.len()],
}

/// A value that refuses the file, and what should have stood there.
type Wrong = (String, &'static str);

impl Reading {
    fn take(&mut self, line: &Fields<'_>) -> Result<(), Wrong> {
        let charged = judge(line).map_err(|nonsense| match nonsense {
            Nonsense::Quantity => (line.quantity.to_owned(), "quantity"),
            Nonsense::Price => (line.unit_price.to_owned(), "price"),
        })?;
        let at = line.time().ok_or_else(|| (line.invoiced_at.to_owned(), A_TIME))?;
        Month::of(at).ok_or_else(|| (line.invoiced_at.to_owned(), A_TIME))?;
        let taken = charged.and_then(|charged| match charged.kind {
            Kind::Sale => self.sale(line, charged, at),
            Kind::Cancellation => self.cancellation(line, charged, at),
        });
        if let Err(reason) = taken {
            self.leave_out(reason, amount_of(line));
        }
        Ok(())
    }

    fn sale(&mut self, line: &Fields<'_>, charged: Charged, at: DateTime<Utc>) -> Result<(), LeftOut> {
        let sku = self.sku(line.stock_code)?;
        let name = self.name(line, &sku);
        let code = self.country(line.country);
        let customer_id = customer(line);
        let order = self.order(line, (customer_id, code), at)?;
        let import = &mut self.orders[order];
        if import.lines.len() >= order::LINES_MAX {
            return Err(LeftOut::TooManyLines);
        }
        let id = ids::imported_line(import.order_id, import.lines.len());
        let unit_price = Money::new(charged.pence, CURRENCY);
        import.lines.push(NewLine { id, sku, name, quantity: charged.units, unit_price });
        let (units, month) = (charged.units.get(), month_of(import.occurred_at));
        self.file.sales.add(month, code, units.unsigned_abs(), pence_of(units, charged.pence));
        Ok(())
    }

    /// The place of the order that the line is of.
    fn order(
        &mut self,
        line: &Fields<'_>,
        (customer_id, code): (Option<CustomerId>, CountryCode),
        at: DateTime<Utc>,
    ) -> Result<usize, LeftOut> {
        if let Some((order, country)) = self.invoices.get(line.invoice) {
            let same = self.orders[*order].customer_id == customer_id && **country == *line.country;
            return if same { Ok(*order) } else { Err(LeftOut::OtherBuyer) };
        }
        let order = self.orders.len();
        self.orders.push(Import {
            order_id: ids::imported_order(SOURCE, line.invoice),
            source: Source::new(SOURCE).expect("it is a short word"),
            reference: reference(line)?,
            customer_id,
            currency: CURRENCY,
            lines: Vec::new(),
            country: code.and_then(|code| Country::new(code).ok()),
            occurred_at: at,
        });
        self.invoices.insert(line.invoice.into(), (order, line.country.into()));
        Ok(order)
    }

    fn cancellation(&mut self, line: &Fields<'_>, charged: Charged, at: DateTime<Utc>) -> Result<(), LeftOut> {
        let customer_id = customer(line).ok_or(LeftOut::NoCustomer)?;
        let (sku, reference) = (self.sku(line.stock_code)?, reference(line)?);
        let (units, pence) = (charged.units.get(), charged.pence);
        let code = self.country(line.country);
        let at = *self.cancelled_at.entry(line.invoice.into()).or_insert(at);
        self.cancellations.push((Cancellation { reference, customer_id, sku, units, pence, at }, code));
        Ok(())
    }

    /// A stock code may have what a SKU may not (`BANK CHARGES`): a hyphen stands for it in the book.
    fn sku(&mut self, code: &str) -> Result<Sku, LeftOut> {
        if let Some(sku) = self.skus.get(code) {
            return Ok(sku.clone());
        }
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let written: String = code.chars().map(|letter| if allowed(letter) { letter } else { '-' }).collect();
        let sku = Sku::new(&written).map_err(|_| LeftOut::StockCode)?;
        self.skus.insert(code.into(), sku.clone());
        Ok(sku)
    }

    /// As the line describes it; a line that does not is called by its SKU.
    fn name(&mut self, line: &Fields<'_>, sku: &Sku) -> Name {
        if let Some(name) = self.names.get(line.description) {
            return name.clone();
        }
        match Name::new(line.description) {
            Ok(name) => {
                self.names.insert(line.description.into(), name.clone());
                name
            }
            Err(_) => Name::new(sku.as_str()).expect("a SKU is short and has no control character"),
        }
    }

    fn country(&mut self, name: &str) -> CountryCode {
        let code = country::alpha_2(name);
        if code.is_none() && !self.unknown_countries.iter().any(|known| **known == *name) {
            self.unknown_countries.push(name.into());
        }
        code
    }

    fn leave_out(&mut self, reason: LeftOut, pence: Pence) {
        let amount = &mut self.left_out[reason as usize];
        amount.lines += 1;
        amount.pence += pence;
    }

    fn finish(mut self, lines: u64) -> Result<Plan, PlanError> {
        let renamed = self.renamed()?;
        let (cancellations, countries): (Vec<_>, Vec<_>) = std::mem::take(&mut self.cancellations).into_iter().unzip();
        let matched = matching::matched(&self.orders, &cancellations);
        let mut elsewhere = 0;
        for ((cancellation, country), verdict) in cancellations.iter().zip(countries).zip(matched.verdicts) {
            let pence = pence_of(cancellation.units, cancellation.pence);
            match verdict {
                Ok(parts) => {
                    let orders = &self.orders;
                    let of = |order: usize| orders[order].country.map(|country| country.as_str());
                    elsewhere += u64::from(parts.iter().any(|(order, _)| of(*order) != country));
                    let parts = parts
                        .into_iter()
                        .map(|(order, units)| (of(order), units.unsigned_abs(), pence_of(units, cancellation.pence)));
                    self.file.refunds.add_parts(month_of(cancellation.at), parts);
                }
                Err(reason) => self.leave_out(reason, pence),
            }
        }
        Ok(Plan {
            orders: self.orders,
            refunds: matched.refunds,
            lines,
            file: self.file,
            renamed,
            unknown_countries: self.unknown_countries,
            elsewhere,
            left_out: self.left_out,
        })
    }

    fn renamed(&self) -> Result<Vec<(Box<str>, Sku)>, PlanError> {
        let mut seen = HashSet::new();
        let mut renamed = Vec::new();
        for (code, sku) in &self.skus {
            if !seen.insert(sku) {
                return Err(PlanError::OneSku { code: code.clone(), sku: sku.to_string() });
            }
            if **code != *sku.as_str() {
                renamed.push((code.clone(), sku.clone()));
            }
        }
        renamed.sort();
        Ok(renamed)
    }
}

/// An invoice is of the month of its first line.
fn month_of(at: DateTime<Utc>) -> Month {
    Month::of(at).expect("a line without a month refuses the file")
}

fn customer(line: &Fields<'_>) -> Option<CustomerId> {
    (!line.customer_id.is_empty()).then(|| CustomerId::from_uuid(customer_id(line.customer_id)))
}

/// An invoice number of digits that is longer than any reference is none.
fn reference(line: &Fields<'_>) -> Result<Reference, LeftOut> {
    Reference::new(line.invoice).map_err(|_| LeftOut::Invoice)
}

/// What a line that is left out says it comes to: of a price below zero nothing is made.
fn amount_of(line: &Fields<'_>) -> Pence {
    match (line.quantity.parse::<i64>(), Price::parse(line.unit_price)) {
        (Ok(units), Price::Pence(pence)) => pence_of(units, pence).abs(),
        _ => 0,
    }
}

fn pence_of(units: i64, pence: i64) -> Pence {
    Pence::from(units) * Pence::from(pence)
}

#[cfg(test)]
mod tests;
