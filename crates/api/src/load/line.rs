//! One line of the file: its fields by name, and the verdict on it.

use std::fmt;

use chrono::{DateTime, Datelike};
use csv::StringRecord;
use domain::ids::{Quantity, Sku};

use super::price::Price;

pub(super) const FIELDS: usize = 8;

/// Why a line was left out: the first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    InvoiceNotNumeric,
    Quantity,
    PriceNotANumber,
    PriceBelowAPenny,
    PriceFraction,
    StockCode,
}

impl LeftOut {
    pub const ALL: [Self; 6] = [
        Self::InvoiceNotNumeric,
        Self::Quantity,
        Self::PriceNotANumber,
        Self::PriceBelowAPenny,
        Self::PriceFraction,
        Self::StockCode,
    ];
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvoiceNotNumeric => "invoice number is not numeric",
            Self::Quantity => "quantity is not 1 to 100,000",
            Self::PriceNotANumber => "price is not a number",
            Self::PriceBelowAPenny => "price is below a penny",
            Self::PriceFraction => "price has a fraction of a penny",
            Self::StockCode => "stock code is not a SKU",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    pub year: u16,
    pub month: u8,
}

/// One line of the file, by name.
pub(super) struct Fields<'a> {
    pub(super) invoice: &'a str,
    pub(super) stock_code: &'a str,
    pub(super) description: &'a str,
    pub(super) quantity: &'a str,
    pub(super) invoiced_at: &'a str,
    pub(super) unit_price: &'a str,
    pub(super) customer_id: &'a str,
    pub(super) country: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn of(record: &'a StringRecord) -> Option<Self> {
        if record.len() != FIELDS {
            return None;
        }
        Some(Self {
            invoice: &record[0],
            stock_code: &record[1],
            description: &record[2],
            quantity: &record[3],
            invoiced_at: &record[4],
            unit_price: &record[5],
            customer_id: &record[6],
            country: &record[7],
        })
    }

    /// The quantity and the price in pence of a good line.
    pub(super) fn judge(&self) -> Result<(u32, i64), LeftOut> {
        if self.invoice.is_empty() || !self.invoice.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(LeftOut::InvoiceNotNumeric);
        }
        // A line of an invoice may order as much as a line of a cart may hold.
        let quantity =
            self.quantity.parse().ok().and_then(|units| Quantity::new(units).ok()).ok_or(LeftOut::Quantity)?;
        let price = match Price::parse(self.unit_price) {
            Price::Pence(pence) => pence,
            Price::NotANumber => return Err(LeftOut::PriceNotANumber),
            Price::BelowAPenny => return Err(LeftOut::PriceBelowAPenny),
            Price::FractionOfAPenny => return Err(LeftOut::PriceFraction),
        };
        if Sku::new(self.stock_code).is_err() {
            return Err(LeftOut::StockCode);
        }
        Ok((u32::try_from(quantity.get()).map_err(|_| LeftOut::Quantity)?, price))
    }
}

impl Month {
    pub(super) fn parse(time: &str) -> Option<Self> {
        let date = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
        Some(Self { year: u16::try_from(date.year()).ok()?, month: u8::try_from(date.month()).ok()? })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
