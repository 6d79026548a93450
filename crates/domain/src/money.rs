//! Money: minor units as `i64`, and a currency. Arithmetic is checked; a float never appears.
//!
//! Rounding happens in one place, [`divide_half_even`], and at line level only. An amount is split by largest
//! remainder ([`Money::allocate`]), so that its parts always add up.

mod currency;

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

pub use self::currency::{Currency, UnknownCurrency};
use crate::ids::Quantity;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the amount does not fit: the largest is {} minor units", i64::MAX)]
    Overflow,
    #[error("an amount in {found} cannot be reckoned with one in {expected}")]
    CurrencyMismatch { expected: Currency, found: Currency },
    #[error("an amount cannot be split into no parts")]
    NoParts,
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Overflow => "amount_too_large",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::NoParts => "no_parts",
        }
    }
}

/// An amount of minor units of one currency. It may be negative; where it must not be, the rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// In minor units.
    pub const fn amount(self) -> i64 {
        self.amount
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_positive(self) -> bool {
        self.amount > 0
    }

    pub const fn is_negative(self) -> bool {
        self.amount < 0
    }

    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        self.require(other.currency)?;
        self.of(self.amount.checked_add(other.amount))
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, Error> {
        self.require(other.currency)?;
        self.of(self.amount.checked_sub(other.amount))
    }

    /// The price of so many units.
    pub fn checked_mul(self, quantity: Quantity) -> Result<Self, Error> {
        self.of(self.amount.checked_mul(quantity.get()))
    }

    /// The sum, in this currency. Of nothing it is zero.
    pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// This amount times a fraction, rounded half to even.
    pub fn fraction(self, numerator: i64, denominator: i64) -> Result<Self, Error> {
        if denominator == 0 {
            return Err(Error::NoParts);
        }
        let exact = divide_half_even(i128::from(self.amount) * i128::from(numerator), i128::from(denominator));
        self.of(i64::try_from(exact).ok())
    }

    /// Splits by weight. What the division leaves over goes, a minor unit each, to the largest remainders, the
    /// earlier part first: the parts always add up to the whole. Weights that are all zero count as equal.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, Error> {
        if weights.is_empty() {
            return Err(Error::NoParts);
        }
        let equal = weights.iter().all(|weight| *weight == 0);
        let weight_of = |weight: u64| if equal { 1 } else { u128::from(weight) };
        let sum: u128 = weights.iter().map(|weight| weight_of(*weight)).sum();
        let whole = u128::from(self.amount.unsigned_abs());

        let mut parts: Vec<u128> = weights.iter().map(|weight| whole * weight_of(*weight) / sum).collect();
        let left_over = (whole - parts.iter().sum::<u128>()) as usize;
        let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
        by_remainder.sort_by_key(|part| std::cmp::Reverse(whole * weight_of(weights[*part]) % sum));
        for part in by_remainder.into_iter().take(left_over) {
            parts[part] += 1;
        }

        let sign = i128::from(self.amount.signum());
        parts.into_iter().map(|part| self.of(i64::try_from(sign * part as i128).ok())).collect()
    }

    /// For folding facts that a decision has already checked: a corrupt one must not stop the reader.
    pub(crate) const fn saturating_add(self, other: Self) -> Self {
        Self::new(self.amount.saturating_add(other.amount), self.currency)
    }

    pub(crate) const fn saturating_sub(self, other: Self) -> Self {
        Self::new(self.amount.saturating_sub(other.amount), self.currency)
    }

    pub(crate) fn saturating_mul(self, units: i64) -> Self {
        Self::new(self.amount.saturating_mul(units), self.currency)
    }

    /// This amount, or what is left where that is less. Both are in one currency.
    pub(crate) fn at_most(self, left: Self) -> Self {
        Self::new(self.amount.min(left.amount), self.currency)
    }

    fn of(self, amount: Option<i64>) -> Result<Self, Error> {
        amount.map(|amount| Self::new(amount, self.currency)).ok_or(Error::Overflow)
    }

    fn require(self, found: Currency) -> Result<(), Error> {
        if self.currency == found { Ok(()) } else { Err(Error::CurrencyMismatch { expected: self.currency, found }) }
    }
}

/// Amounts of two currencies have no order.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.amount.cmp(&other.amount))
    }
}

/// In major units, for people: `19.99 GBP`.
impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let sign = if self.is_negative() { "-" } else { "" };
        let unit = 10_u64.pow(exponent);
        let (major, minor) = (self.amount.unsigned_abs() / unit, self.amount.unsigned_abs() % unit);
        match exponent {
            0 => write!(formatter, "{sign}{major} {}", self.currency),
            _ => write!(formatter, "{sign}{major}.{minor:0width$} {}", self.currency, width = exponent as usize),
        }
    }
}

/// The one place where Daybook rounds: to the nearest, and a half to the even neighbour. The denominator is not zero.
pub fn divide_half_even(numerator: i128, denominator: i128) -> i128 {
    let (numerator, denominator) =
        if denominator.is_negative() { (-numerator, -denominator) } else { (numerator, denominator) };
    let floor = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    match remainder.cmp(&(denominator - remainder)) {
        Ordering::Less => floor,
        Ordering::Greater => floor + 1,
        Ordering::Equal => floor + floor.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests;
