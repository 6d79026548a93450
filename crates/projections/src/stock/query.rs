//! The query over stock.

use chrono::{DateTime, Utc};
use domain::ids::Sku;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use super::DEFINITION;
use crate::read_models::{QueryError, ReadModels, Reflects};

/// The stock of a SKU over all its locations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StockLevel {
    pub sku: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub unavailable: i64,
    /// `on_hand - allocated - unavailable - reserved`.
    pub available: i64,
    pub locations: Vec<Place>,
    pub updated_at: DateTime<Utc>,
    /// The versions of all its locations together: of the one stream, where there is one.
    pub version: i64,
}

/// The stock of a SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    pub location: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub unavailable: i64,
    pub available: i64,
    pub low_stock_threshold: i64,
    pub backorder_limit: i64,
    pub safety_stock: i64,
    pub priority: i64,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

/// One round trip.
pub async fn find(models: &ReadModels, sku: &Sku) -> Result<(Option<StockLevel>, Reflects), QueryError> {
    let found = sqlx::query_file!("src/stock/sql/find_stock.sql", DEFINITION.schema_name, sku.as_str())
        .fetch_optional(models.pool())
        .await?
        .ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, found.position, found.lag_ms, found.is_incomplete)?;
    let places = found.places.map(|Json(rows)| rows.into_iter().map(Place::from).collect());
    Ok((places.map(|places| StockLevel::over(sku, places)), reflects))
}

#[derive(Debug, Deserialize)]
struct PlaceRow {
    location: String,
    on_hand: i64,
    reserved: i64,
    allocated: i64,
    set_aside: i64,
    low_stock_threshold: i64,
    backorder_limit: i64,
    safety_stock: i64,
    priority: i64,
    updated_at: DateTime<Utc>,
    version: i64,
}

impl From<PlaceRow> for Place {
    fn from(row: PlaceRow) -> Self {
        let unavailable = row.set_aside + row.safety_stock;
        Self {
            location: row.location,
            on_hand: row.on_hand,
            reserved: row.reserved,
            allocated: row.allocated,
            unavailable,
            available: row.on_hand - row.allocated - unavailable - row.reserved,
            low_stock_threshold: row.low_stock_threshold,
            backorder_limit: row.backorder_limit,
            safety_stock: row.safety_stock,
            priority: row.priority,
            updated_at: row.updated_at,
            version: row.version,
        }
    }
}

impl StockLevel {
    fn over(sku: &Sku, locations: Vec<Place>) -> Self {
        let sum = |part: fn(&Place) -> i64| locations.iter().map(part).sum();
        Self {
            sku: sku.to_string(),
            on_hand: sum(|place| place.on_hand),
            reserved: sum(|place| place.reserved),
            allocated: sum(|place| place.allocated),
            unavailable: sum(|place| place.unavailable),
            available: sum(|place| place.available),
            updated_at: locations.iter().map(|place| place.updated_at).max().unwrap_or_default(),
            version: sum(|place| place.version),
            locations,
        }
    }
}
