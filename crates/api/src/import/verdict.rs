//! What one line of the file is: a sale, a cancellation, or something that is left out, and why. Nothing is guessed: what is
//! no number refuses the file.

use std::fmt;

use domain::ids::Quantity;

use crate::online_retail::Fields;
use crate::online_retail::price::Price;

/// Why a line was left out: the first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Invoice,
    Units,
    PriceBelowAPenny,
    PriceFraction,
    TooManyUnits,
    StockCode,
    OtherBuyer,
    TooManyLines,
    NoCustomer,
    NotReturnable,
    MoreThanCharged,
}

impl LeftOut {
    pub const ALL: [Self; 11] = [
        Self::Invoice,
        Self::Units,
        Self::PriceBelowAPenny,
        Self::PriceFraction,
        Self::TooManyUnits,
        Self::StockCode,
        Self::OtherBuyer,
        Self::TooManyLines,
        Self::NoCustomer,
        Self::NotReturnable,
        Self::MoreThanCharged,
    ];
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invoice => "neither a sale nor a cancellation: the invoice number is not digits, or C and digits",
            Self::Units => "a sale of no units, or a cancellation of none: a correction of stock",
            Self::PriceBelowAPenny => "price is below a penny",
            Self::PriceFraction => "price has a fraction of a penny",
            Self::TooManyUnits => "more than 100,000 units",
            Self::StockCode => "stock code is not 1 to 64 characters",
            Self::OtherBuyer => "another customer or country than the first line of its invoice",
            Self::TooManyLines => "its invoice has 2,000 lines already",
            Self::NoCustomer => "cancellation without a customer",
            Self::NotReturnable => "cancellation of more than the customer's orders before it have left of it",
            Self::MoreThanCharged => "cancellation at a higher price than was charged",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sale,
    Cancellation,
}

/// Units and price of a line that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charged {
    pub(super) kind: Kind,
    pub(super) units: Quantity,
    pub(super) pence: i64,
}

/// A value that is no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nonsense {
    Quantity,
    Price,
}

/// What the line comes to, as far as it alone says; [`LeftOut`] takes the line out, [`Nonsense`] the file.
pub(super) fn judge(line: &Fields<'_>) -> Result<Result<Charged, LeftOut>, Nonsense> {
    let units: i64 = line.quantity.parse().map_err(|_| Nonsense::Quantity)?;
    let price = match Price::parse(line.unit_price) {
        Price::NotANumber => return Err(Nonsense::Price),
        price => price,
    };
    Ok(judge_numbers(line.invoice, units, price))
}

fn judge_numbers(invoice: &str, units: i64, price: Price) -> Result<Charged, LeftOut> {
    let kind = kind_of(invoice).ok_or(LeftOut::Invoice)?;
    let units = match kind {
        Kind::Sale => units,
        Kind::Cancellation => units.checked_neg().unwrap_or_default(),
    };
    if units <= 0 {
        return Err(LeftOut::Units);
    }
    let pence = match price {
        Price::Pence(pence) => pence,
        Price::FractionOfAPenny => return Err(LeftOut::PriceFraction),
        Price::BelowAPenny | Price::NotANumber => return Err(LeftOut::PriceBelowAPenny),
    };
    let units = Quantity::new(units).map_err(|_| LeftOut::TooManyUnits)?;
    Ok(Charged { kind, units, pence })
}

fn kind_of(invoice: &str) -> Option<Kind> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match invoice.strip_prefix('C') {
        Some(number) if digits(number) => Some(Kind::Cancellation),
        None if digits(invoice) => Some(Kind::Sale),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(invoice: &str, quantity: &str, unit_price: &str) -> Result<Result<(Kind, i64, i64), LeftOut>, Nonsense> {
        let line = Fields {
            invoice,
            quantity,
            unit_price,
            stock_code: "10002",
            description: "TIN BOX",
            invoiced_at: "2010-12-01T08:26:00Z",
            customer_id: "",
            country: "EIRE",
        };
        judge(&line).map(|line| line.map(|charged| (charged.kind, charged.units.get(), charged.pence)))
    }

    #[test]
    fn a_line_is_a_sale_a_cancellation_or_left_out_for_the_first_reason_that_applies() {
        assert_eq!(judged("536365", "6", "2.55"), Ok(Ok((Kind::Sale, 6, 255))));
        assert_eq!(judged("C536379", "-1", "27.5"), Ok(Ok((Kind::Cancellation, 1, 2_750))));
        for (invoice, quantity, price, reason) in [
            ("A563185", "1", "11062.06", LeftOut::Invoice),
            ("A563186", "1", "-11062.06", LeftOut::Invoice),
            ("", "1", "1", LeftOut::Invoice),
            ("C", "-1", "1", LeftOut::Invoice),
            ("CC1", "-1", "1", LeftOut::Invoice),
            ("536365", "-6", "0", LeftOut::Units),
            ("536365", "0", "2.55", LeftOut::Units),
            ("C536379", "1", "2.55", LeftOut::Units),
            ("C536379", "-9223372036854775808", "2.55", LeftOut::Units),
            ("536365", "6", "0", LeftOut::PriceBelowAPenny),
            ("536365", "6", "0.001", LeftOut::PriceBelowAPenny),
            ("536365", "6", "-1", LeftOut::PriceBelowAPenny),
            ("536365", "6", "1.005", LeftOut::PriceFraction),
            ("536365", "100001", "2.55", LeftOut::TooManyUnits),
        ] {
            assert_eq!(judged(invoice, quantity, price), Ok(Err(reason)), "{invoice} {quantity} {price}");
        }
    }

    #[test]
    fn what_is_no_number_is_never_left_out_quietly() {
        for quantity in ["", "x", "1.5", "9223372036854775808", " 1"] {
            assert_eq!(judged("536365", quantity, "1"), Err(Nonsense::Quantity), "{quantity}");
        }
        for price in ["", "free", "1e3", "1,000.00", "NaN", "£1"] {
            assert_eq!(judged("A1", "1", price), Err(Nonsense::Price), "{price}");
        }
    }
}
