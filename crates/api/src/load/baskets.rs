//! Reads the year of invoice lines into memory, compactly: what was bought together, and what was left out and why.
//!
//! It knows the file and nothing of Daybook: which lines are good, who bought, what a product first cost. It never guesses:
//! a line is good, or left out for a named reason, or the file is refused.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::line::{LeftOut, judge};
use crate::online_retail::{A_TIME, Fields, FileError, Month, SaleFile, country};

/// For a country that the file itself does not know (`Unspecified`, `European Community`) or that stands in no list of ours.
/// An address names an assigned code and nothing else, so such a parcel goes to where the shop is.
const UNKNOWN_COUNTRY: &str = "GB";

/// Everything that the file sells, in the order of the file.
#[derive(Debug)]
pub struct Baskets {
    /// In the order of their first good line.
    pub products: Vec<Product>,
    /// In the order of their first good line.
    pub invoices: Vec<Invoice>,
    /// The file's customer ids, in the order of their first good line.
    pub customers: Vec<Box<str>>,
    pub counts: LineCounts,
    /// Grouped by invoice.
    lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Product {
    pub sku: Box<str>,
    /// In pence, as its first good line has it.
    pub price: i64,
    /// The first description that is not empty.
    pub name: Option<Box<str>>,
}

#[derive(Debug)]
pub struct Invoice {
    pub number: Box<str>,
    /// An index into [`Baskets::customers`]; none is a guest.
    pub customer: Option<u32>,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    pub month: Month,
    lines: Range<u32>,
}

/// One good line. The same product may stand on several lines of an invoice.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// An index into [`Baskets::products`].
    pub product: u32,
    pub quantity: u32,
}

#[derive(Debug, Default)]
pub struct LineCounts {
    /// Of the file, its header apart.
    pub lines: u64,
    pub good: u64,
    pub units: u64,
    left_out: [u64; LeftOut::ALL.len()],
}

impl LineCounts {
    pub fn left_out(&self, reason: LeftOut) -> u64 {
        self.left_out[reason as usize]
    }

    pub fn left_out_total(&self) -> u64 {
        self.left_out.iter().sum()
    }
}

impl Baskets {
    /// Reads the whole file once, streaming.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let mut file = SaleFile::open(path)?;
        let mut reading = Reading::new();
        while let Some(line) = file.read()? {
            if reading.take(&line).is_err() {
                let value = line.invoiced_at.to_owned();
                return Err(file.wrong(&value, A_TIME));
            }
        }
        reading.baskets.counts.lines = file.count();
        Ok(reading.group())
    }

    pub fn lines_of(&self, invoice: &Invoice) -> &[Line] {
        &self.lines[invoice.lines.start as usize..invoice.lines.end as usize]
    }

    /// Customers and invoices without one.
    pub fn guests(&self) -> usize {
        self.invoices.iter().filter(|invoice| invoice.customer.is_none()).count()
    }
}

/// A line whose time is none.
struct NoTime;

/// A file while it is read: names become indices, and lines wait to be grouped.
struct Reading {
    baskets: Baskets,
    skus: HashMap<Box<str>, u32>,
    customers: HashMap<Box<str>, u32>,
    invoices: HashMap<Box<str>, u32>,
    /// The invoice of each of `baskets.lines`.
    invoice_of: Vec<u32>,
}

impl Reading {
    fn new() -> Self {
        let baskets = Baskets {
            products: Vec::new(),
            invoices: Vec::new(),
            customers: Vec::new(),
            counts: LineCounts::default(),
            lines: Vec::new(),
        };
        let (skus, customers, invoices) = <(HashMap<_, _>, HashMap<_, _>, HashMap<_, _>)>::default();
        Self { baskets, skus, customers, invoices, invoice_of: Vec::new() }
    }

    fn take(&mut self, line: &Fields<'_>) -> Result<(), NoTime> {
        let (quantity, price) = match judge(line) {
            Ok(good) => good,
            Err(reason) => {
                self.baskets.counts.left_out[reason as usize] += 1;
                return Ok(());
            }
        };
        let invoice = self.invoice(line)?;
        let product = self.product(line, price);
        self.baskets.lines.push(Line { product, quantity });
        self.invoice_of.push(invoice);
        self.baskets.counts.good += 1;
        self.baskets.counts.units += u64::from(quantity);
        Ok(())
    }

    fn invoice(&mut self, line: &Fields<'_>) -> Result<u32, NoTime> {
        if let Some(&known) = self.invoices.get(line.invoice) {
            return Ok(known);
        }
        let month = line.time().and_then(Month::of).ok_or(NoTime)?;
        let customer = (!line.customer_id.is_empty()).then(|| self.customer(line.customer_id));
        let number: Box<str> = line.invoice.into();
        let index = index_after(&self.baskets.invoices);
        self.invoices.insert(number.clone(), index);
        let country = country::alpha_2(line.country).unwrap_or(UNKNOWN_COUNTRY);
        self.baskets.invoices.push(Invoice { number, customer, country, month, lines: 0..0 });
        Ok(index)
    }

    fn customer(&mut self, id: &str) -> u32 {
        if let Some(&known) = self.customers.get(id) {
            return known;
        }
        let index = index_after(&self.baskets.customers);
        self.customers.insert(id.into(), index);
        self.baskets.customers.push(id.into());
        index
    }

    fn product(&mut self, line: &Fields<'_>, price: i64) -> u32 {
        let description = line.description.trim();
        let name = (!description.is_empty()).then(|| description.into());
        if let Some(&known) = self.skus.get(line.stock_code) {
            let product = &mut self.baskets.products[known as usize];
            product.name = product.name.take().or(name);
            return known;
        }
        let index = index_after(&self.baskets.products);
        self.skus.insert(line.stock_code.into(), index);
        self.baskets.products.push(Product { sku: line.stock_code.into(), price, name });
        index
    }

    /// Counting sort by invoice; the lines of one keep the order of the file.
    fn group(self) -> Baskets {
        let mut baskets = self.baskets;
        for &invoice in &self.invoice_of {
            baskets.invoices[invoice as usize].lines.end += 1;
        }
        let mut start = 0;
        for invoice in &mut baskets.invoices {
            let count = invoice.lines.end;
            invoice.lines = start..start;
            start += count;
        }
        let mut grouped = vec![Line { product: 0, quantity: 0 }; baskets.lines.len()];
        for (line, invoice) in baskets.lines.iter().zip(self.invoice_of) {
            let range = &mut baskets.invoices[invoice as usize].lines;
            grouped[range.end as usize] = *line;
            range.end += 1;
        }
        baskets.lines = grouped;
        baskets
    }
}

/// The next index into `items`; a file is refused before it has as many lines as a `u32` numbers.
fn index_after<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("there are at most as many as lines")
}

#[cfg(test)]
pub(crate) mod tests;
