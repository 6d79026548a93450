//! The verdict on one line of the file: whether it can be shopped.

use std::fmt;

use domain::ids::{Quantity, Sku};

use crate::online_retail::Fields;
use crate::online_retail::price::Price;

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

/// The quantity and the price in pence of a good line.
pub(super) fn judge(line: &Fields<'_>) -> Result<(u32, i64), LeftOut> {
    if line.invoice.is_empty() || !line.invoice.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(LeftOut::InvoiceNotNumeric);
    }
    // A line of an invoice may order as much as a line of a cart may hold.
    let quantity = line.quantity.parse().ok().and_then(|units| Quantity::new(units).ok()).ok_or(LeftOut::Quantity)?;
    let price = match Price::parse(line.unit_price) {
        Price::Pence(pence) => pence,
        Price::NotANumber => return Err(LeftOut::PriceNotANumber),
        Price::BelowAPenny => return Err(LeftOut::PriceBelowAPenny),
        Price::FractionOfAPenny => return Err(LeftOut::PriceFraction),
    };
    if Sku::new(line.stock_code).is_err() {
        return Err(LeftOut::StockCode);
    }
    Ok((u32::try_from(quantity.get()).map_err(|_| LeftOut::Quantity)?, price))
}
