//! What the load will do: the invoices it takes, the catalogue and the stock they need, and what they come to.
//!
//! Every amount that the reconciliation expects is computed here, from the file. Knows no HTTP.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Value, json};
use uuid::Uuid;

use super::baskets::{Baskets, Invoice, Product};
use super::chaos::draws::{Units, less, total};
use crate::online_retail::{self, Month};

#[derive(Debug)]
pub struct Plan {
    pub baskets: Baskets,
    /// How many invoices are taken, from the first.
    taken: usize,
    /// The products of the taken invoices, each with the units that are received at the start.
    stock: Vec<(u32, u64)>,
}

/// What some invoices come to: by product, by month, in all. Sums of at most 2^29 lines of 10^5 units at 10^11 pence need an `i128`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sums {
    pub orders: u64,
    pub units: u64,
    pub revenue: i128,
    /// By product: units. Revenue follows, for a product has one price.
    pub by_product: BTreeMap<u32, u64>,
    /// By month of the file: orders, units, pence.
    pub by_month: BTreeMap<Month, (u64, u64, i128)>,
}

impl Plan {
    /// The products and the stock are those of the taken invoices.
    pub fn new(baskets: Baskets, limit: Option<usize>, factor: StockFactor) -> Self {
        let taken = limit.map_or(baskets.invoices.len(), |limit| limit.min(baskets.invoices.len()));
        let mut demand = vec![0_u64; baskets.products.len()];
        for invoice in &baskets.invoices[..taken] {
            for line in baskets.lines_of(invoice) {
                demand[line.product as usize] += u64::from(line.quantity);
            }
        }
        let wanted = (0..).zip(demand).filter(|(_, units)| *units > 0);
        let stock = wanted.map(|(product, units)| (product, factor.of(units))).collect();
        Self { baskets, taken, stock }
    }

    pub fn invoices(&self) -> &[Invoice] {
        &self.baskets.invoices[..self.taken]
    }

    /// The products to create, by index, each with the units to receive.
    pub fn stock(&self) -> &[(u32, u64)] {
        &self.stock
    }

    pub fn product(&self, index: u32) -> &Product {
        &self.baskets.products[index as usize]
    }

    /// The good lines of the taken invoices.
    pub fn lines_taken(&self) -> u64 {
        self.invoices().iter().map(|invoice| self.baskets.lines_of(invoice).len() as u64).sum()
    }

    pub fn customer_id(&self, customer: u32) -> Uuid {
        online_retail::customer_id(&self.baskets.customers[customer as usize])
    }

    /// The units by product of one invoice: a product that stands on several of its lines is one line of a cart.
    pub fn units_of(&self, invoice: &Invoice) -> Units {
        let mut units = Units::new();
        for line in self.baskets.lines_of(invoice) {
            *units.entry(line.product).or_default() += u64::from(line.quantity);
        }
        units
    }

    /// What these units come to, in pence.
    pub fn value_of(&self, units: &Units) -> i128 {
        units.iter().map(|(&product, &count)| i128::from(count) * i128::from(self.product(product).price)).sum()
    }

    /// As requests name units.
    pub(super) fn lines_json(&self, units: &Units) -> Value {
        let line =
            |(&product, &quantity): (&u32, &u64)| json!({ "sku": self.product(product).sku, "quantity": quantity });
        units.iter().map(line).collect()
    }

    /// What one invoice comes to, in pence, at the catalogue's prices.
    pub fn total_of(&self, invoice: &Invoice) -> i128 {
        let lines = self.baskets.lines_of(invoice).iter();
        lines.map(|line| i128::from(line.quantity) * i128::from(self.product(line.product).price)).sum()
    }

    /// What these invoices come to.
    pub fn sums<'a>(&self, invoices: impl IntoIterator<Item = &'a Invoice>) -> Sums {
        let mut sums = Sums::default();
        for invoice in invoices {
            let (total, mut units) = (self.total_of(invoice), 0);
            for line in self.baskets.lines_of(invoice) {
                units += u64::from(line.quantity);
                *sums.by_product.entry(line.product).or_default() += u64::from(line.quantity);
            }
            sums.orders += 1;
            sums.units += units;
            sums.revenue += total;
            let month = sums.by_month.entry(invoice.month).or_default();
            *month = (month.0 + 1, month.1 + units, month.2 + total);
        }
        sums
    }
}

impl Sums {
    /// Without these units of an order that is in them.
    pub fn take_off(&mut self, plan: &Plan, invoice: &Invoice, units: &Units) {
        let (count, value) = (total(units), plan.value_of(units));
        self.units -= count;
        self.revenue -= value;
        less(&mut self.by_product, units.clone());
        let month = self.by_month.entry(invoice.month).or_default();
        *month = (month.0, month.1 - count, month.2 - value);
    }
}

/// An exact decimal: 0.9 of 10 is 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockFactor {
    millionths: u64,
}

/// The factor's decimals, and the most that it may be.
const FACTOR_DECIMALS: usize = 6;
const MILLION: u64 = 1_000_000;
const FACTOR_MAX: u64 = 1_000;

#[derive(Debug, thiserror::Error)]
#[error("not a decimal such as 0.9, from 0 to {FACTOR_MAX} and of at most {FACTOR_DECIMALS} decimals")]
pub struct StockFactorError;

impl StockFactor {
    pub const ONE: Self = Self { millionths: MILLION };

    /// Rounded down.
    pub fn of(self, units: u64) -> u64 {
        let exact = u128::from(units) * u128::from(self.millionths) / u128::from(MILLION);
        u64::try_from(exact).unwrap_or(u64::MAX)
    }
}

impl FromStr for StockFactor {
    type Err = StockFactorError;

    fn from_str(text: &str) -> Result<Self, StockFactorError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > FACTOR_DECIMALS {
            return Err(StockFactorError);
        }
        let whole: u64 = whole.parse().map_err(|_| StockFactorError)?;
        let fraction: u64 = format!("{fraction:0<FACTOR_DECIMALS$}").parse().map_err(|_| StockFactorError)?;
        let millionths = whole.checked_mul(MILLION).and_then(|whole| whole.checked_add(fraction));
        millionths
            .filter(|&factor| factor <= FACTOR_MAX * MILLION)
            .map(|millionths| Self { millionths })
            .ok_or(StockFactorError)
    }
}

#[cfg(test)]
mod tests;
