//! One line of the file: its fields by name.

use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use csv::StringRecord;

pub(super) const FIELDS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    pub year: u16,
    pub month: u8,
}

/// One line of the file, by name.
#[derive(Debug)]
pub struct Fields<'a> {
    pub invoice: &'a str,
    pub stock_code: &'a str,
    pub description: &'a str,
    pub quantity: &'a str,
    pub invoiced_at: &'a str,
    pub unit_price: &'a str,
    pub customer_id: &'a str,
    pub country: &'a str,
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

    /// `None` if it is no time such as 2010-12-01T08:26:00Z.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        Some(DateTime::parse_from_rfc3339(self.invoiced_at).ok()?.to_utc())
    }
}

impl Month {
    pub fn of(time: DateTime<Utc>) -> Option<Self> {
        Some(Self { year: u16::try_from(time.year()).ok()?, month: u8::try_from(time.month()).ok()? })
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
