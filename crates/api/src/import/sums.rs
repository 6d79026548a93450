//! Amounts by month and by country, added up twice: from the lines of the file as they are read, and from the events of the
//! book as they are read back. The two share no arithmetic but this addition.

use std::collections::BTreeMap;

use crate::online_retail::Month;

/// Pence. A year of [`LINES_MAX`](crate::online_retail::LINES_MAX) lines of 10^5 units at 10^11 pence needs an `i128`.
pub type Pence = i128;

/// `None` is a country that the file does not name.
pub type CountryCode = Option<&'static str>;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sums {
    pub lines: u64,
    pub units: u64,
    pub pence: Pence,
    pub by_month: BTreeMap<Month, Pence>,
    pub by_country: BTreeMap<CountryCode, Pence>,
}

impl Sums {
    pub fn add(&mut self, month: Month, country: CountryCode, units: u64, pence: Pence) {
        self.add_parts(month, [(country, units, pence)]);
    }

    /// One line in parts, each of a country.
    pub fn add_parts(&mut self, month: Month, parts: impl IntoIterator<Item = (CountryCode, u64, Pence)>) {
        self.lines += 1;
        for (country, units, pence) in parts {
            self.units += units;
            self.pence += pence;
            *self.by_month.entry(month).or_default() += pence;
            *self.by_country.entry(country).or_default() += pence;
        }
    }
}

/// What was sold, and what was given back.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub sales: Sums,
    pub refunds: Sums,
}
