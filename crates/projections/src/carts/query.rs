//! The query over carts.

use chrono::{DateTime, Utc};
use domain::{
    ids::{CartId, CustomerId, OrderId},
    money::{Currency, Money},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::DEFINITION;
use crate::read_models::{QueryError, ReadModels, Reflects};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cart {
    pub id: CartId,
    pub status: String,
    pub currency: Currency,
    pub customer_id: CustomerId,
    pub guest: bool,
    /// In the order of first addition.
    pub lines: Vec<CartLine>,
    pub total: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CartId>,
    pub opened_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CartLine {
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit_price: Money,
    pub line_total: Money,
}

/// One round trip.
pub async fn find(models: &ReadModels, id: CartId) -> Result<(Option<Cart>, Reflects), QueryError> {
    let found = sqlx::query_file!("src/carts/sql/find_cart.sql", DEFINITION.schema_name, id.as_uuid())
        .fetch_optional(models.pool())
        .await?
        .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, found.position, found.lag_ms, found.is_incomplete)?;
    Ok((found.cart.map(|Json(row)| Cart::from(row)), reflects))
}

/// A row as the statement returns it, in JSON.
#[derive(Debug, Deserialize)]
struct CartRow {
    id: CartId,
    status: String,
    currency: Currency,
    customer_id: CustomerId,
    guest: bool,
    order_id: Option<OrderId>,
    merged_into: Option<CartId>,
    opened_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
    lines: Vec<LineRow>,
}

#[derive(Debug, Deserialize)]
struct LineRow {
    sku: String,
    name: String,
    quantity: i64,
    unit_price: i64,
}

impl LineRow {
    fn priced(self, currency: Currency) -> CartLine {
        CartLine {
            sku: self.sku,
            name: self.name,
            quantity: self.quantity,
            unit_price: Money::new(self.unit_price, currency),
            // Fits: the rules refuse a cart whose total does not.
            line_total: Money::new(self.unit_price * self.quantity, currency),
        }
    }
}

impl From<CartRow> for Cart {
    fn from(row: CartRow) -> Self {
        let lines: Vec<CartLine> = row.lines.into_iter().map(|line| line.priced(row.currency)).collect();
        let total = lines.iter().map(|line| line.line_total.amount()).sum();
        Self {
            id: row.id,
            status: row.status,
            currency: row.currency,
            customer_id: row.customer_id,
            guest: row.guest,
            lines,
            total: Money::new(total, row.currency),
            order_id: row.order_id,
            merged_into: row.merged_into,
            opened_at: row.opened_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}
