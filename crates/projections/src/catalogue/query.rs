//! The query for one product.

use chrono::{DateTime, Utc};
use domain::{
    ids::{Sku, product_stream},
    money::{Currency, Money},
};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::{Audience, DEFINITION};
use crate::read_models::{QueryError, ReadModels, Reflects};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Product {
    pub sku: String,
    pub name: String,
    pub description: Option<String>,
    pub category: Option<String>,
    pub price: Money,
    pub attributes: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_sku: Option<String>,
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

/// A row as the statements return it, in JSON.
#[derive(Debug, Deserialize)]
pub(super) struct ProductRow {
    pub(super) sku: String,
    name: String,
    description: Option<String>,
    category: Option<String>,
    pub(super) price: i64,
    currency: Currency,
    attributes: serde_json::Map<String, serde_json::Value>,
    parent_sku: Option<String>,
    status: String,
    pub(super) created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
    /// What the list is sorted by, for its cursor.
    pub(super) sort_name: String,
}

impl From<ProductRow> for Product {
    fn from(row: ProductRow) -> Self {
        Self {
            sku: row.sku,
            name: row.name,
            description: row.description,
            category: row.category,
            price: Money::new(row.price, row.currency),
            attributes: row.attributes,
            parent_sku: row.parent_sku,
            status: row.status,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

/// One round trip. What the audience may not see is not there.
pub async fn find(
    models: &ReadModels,
    sku: &Sku,
    audience: Audience,
) -> Result<(Option<Product>, Reflects), QueryError> {
    let found = sqlx::query_file!(
        "src/catalogue/sql/find_product.sql",
        DEFINITION.schema_name,
        product_stream(sku),
        sku.as_str(),
        audience == Audience::Staff
    )
    .fetch_optional(models.pool())
    .await?
    .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, found.position, found.lag_ms, found.is_incomplete)?;
    Ok((found.product.map(|Json(row)| Product::from(row)), reflects))
}
