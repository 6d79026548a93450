//! Money on the wire.

use serde::Serialize;
use utoipa::ToSchema;

/// An amount in minor units of a currency: `{"amount": 1999, "currency": "GBP"}` is £19.99.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Money)]
pub(crate) struct MoneySchema {
    #[schema(example = 1999)]
    amount: i64,
    /// ISO 4217
    #[schema(example = "GBP")]
    currency: String,
}
