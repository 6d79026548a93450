//! The list of orders: filtered, sorted, a page at a time.

use chrono::{DateTime, Utc};
use domain::ids::{CustomerId, OrderNumber, Sku};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{Postgres, QueryBuilder, types::Json};
use uuid::Uuid;

use super::{DEFINITION, query::Order, rows::OrderRow};
use crate::{
    collection::{Cursors, Page, Part, Sort, SortKey},
    read_models::{QueryError, ReadModels, Reflects},
};

/// What is not given filters nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filter {
    pub status: Option<String>,
    pub payment_status: Option<String>,
    pub fulfillment_status: Option<String>,
    pub customer_id: Option<CustomerId>,
    pub sku: Option<Sku>,
    /// Included.
    pub created_from: Option<DateTime<Utc>>,
    /// Not included.
    pub created_to: Option<DateTime<Utc>>,
    pub number: Option<OrderNumber>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum By {
    #[default]
    CreatedAt,
    Total,
}

impl SortKey for By {
    const NAMES: &'static [(&'static str, Self)] = &[("created_at", Self::CreatedAt), ("total", Self::Total)];
}

/// The order of a list that was not asked for in another.
pub const NEWEST_FIRST: Sort<By> = Sort { by: By::CreatedAt, descending: true };

/// One round trip, and one snapshot of rows and position. Built and not a file: which conditions and which order a
/// statement has decides its plan.
pub async fn list(
    models: &ReadModels,
    filter: &Filter,
    sort: Sort<By>,
    part: &Part,
) -> Result<(Page<Order>, Reflects), QueryError> {
    let cursors = Cursors::of("orders", &(filter, sort));
    let mut query = QueryBuilder::new("SELECT progress.position, progress.lag_ms, EXISTS (");
    query.push(include_str!("sql/list_parked.sql"));
    if let Some(customer_id) = filter.customer_id {
        query.push(" AND COALESCE(orders.customer_id = ").push_bind(customer_id.as_uuid()).push(", TRUE)");
    }
    query.push(") AS is_incomplete, (SELECT COALESCE(json_agg(listed.document), '[]') FROM (");
    push_page(&mut query, filter, sort, part, &cursors)?;
    query.push(") AS listed) AS orders FROM projection.progress WHERE progress.schema_name = ");
    query.push_bind(DEFINITION.schema_name);

    let listed: Listed =
        query.build_query_as().fetch_optional(models.pool()).await?.ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, listed.position, listed.lag_ms, listed.is_incomplete)?;
    let page = cursors.page(part, listed.orders.0, |row| sort_key(row, sort.by));
    Ok((page.map(Order::from), reflects))
}

#[derive(sqlx::FromRow)]
struct Listed {
    position: i64,
    lag_ms: i64,
    is_incomplete: bool,
    orders: Json<Vec<OrderRow>>,
}

fn sort_key(row: &OrderRow, by: By) -> Value {
    match by {
        By::CreatedAt => json!([row.created_at, row.id]),
        By::Total => json!([row.total, row.id]),
    }
}

fn push_page(
    query: &mut QueryBuilder<Postgres>,
    filter: &Filter,
    sort: Sort<By>,
    part: &Part,
    cursors: &Cursors,
) -> Result<(), QueryError> {
    query.push("SELECT to_json(order_documents) AS document FROM order_documents WHERE TRUE");
    if let Some(status) = &filter.status {
        query.push(" AND status = ").push_bind(status.clone());
    }
    if let Some(status) = &filter.payment_status {
        query.push(" AND payment_status = ").push_bind(status.clone());
    }
    if let Some(status) = &filter.fulfillment_status {
        query.push(" AND fulfillment_status = ").push_bind(status.clone());
    }
    if let Some(customer_id) = filter.customer_id {
        query.push(" AND customer_id = ").push_bind(customer_id.as_uuid());
    }
    if let Some(sku) = &filter.sku {
        query.push(" AND id IN (SELECT order_id FROM order_lines WHERE sku = ").push_bind(sku.to_string()).push(")");
    }
    if let Some(created_from) = filter.created_from {
        query.push(" AND created_at >= ").push_bind(created_from);
    }
    if let Some(created_to) = filter.created_to {
        query.push(" AND created_at < ").push_bind(created_to);
    }
    if let Some(number) = filter.number {
        query.push(" AND number = ").push_bind(number.to_string());
    }
    match sort.by {
        By::CreatedAt => cursors.push_part::<DateTime<Utc>, Uuid>(query, part, ["created_at", "id"], sort.descending),
        By::Total => cursors.push_part::<i64, Uuid>(query, part, ["total", "id"], sort.descending),
    }
}
