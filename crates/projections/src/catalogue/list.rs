//! The list of products: searched, filtered, sorted, counted by facet, a page at a time.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ids::Sku;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Postgres, QueryBuilder, types::Json};

use super::{
    DEFINITION,
    apply::attribute_pair,
    query::{Product, ProductRow},
};
use crate::{
    collection::{self, Cursors, Page, Part, Sort, SortKey},
    read_models::{QueryError, ReadModels, Reflects},
};

/// Values that a facet names, the fullest first.
const FACET_VALUES_MAX: i64 = 100;

/// Who asks: customers see only what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Audience {
    Customers,
    Staff,
}

#[derive(Debug, Clone, Serialize)]
pub struct Filter {
    pub audience: Audience,
    /// Words that all stand in the SKU, the name, the category or the description; the last may be the beginning of
    /// one.
    pub q: Option<String>,
    pub category: Option<String>,
    /// In minor units, both ends included.
    pub min_price: Option<i64>,
    pub max_price: Option<i64>,
    /// By name, each with the value that it must have.
    pub attributes: BTreeMap<String, String>,
    pub parent_sku: Option<Sku>,
    pub status: Option<String>,
}

impl Filter {
    /// All that the audience may see.
    #[must_use]
    pub fn all(audience: Audience) -> Self {
        Self {
            audience,
            q: None,
            category: None,
            min_price: None,
            max_price: None,
            attributes: BTreeMap::new(),
            parent_sku: None,
            status: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum By {
    #[default]
    Name,
    Price,
    CreatedAt,
}

impl SortKey for By {
    const NAMES: &'static [(&'static str, Self)] =
        &[("name", Self::Name), ("price", Self::Price), ("created_at", Self::CreatedAt)];
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Products {
    #[serde(flatten)]
    pub page: Page<Product>,
    pub facets: Facets,
}

/// How many products there are of each value, under all filters but that on the facet itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facets {
    pub category: Vec<FacetCount>,
    /// For staff alone: the others see one status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<FacetCount>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetCount {
    pub value: String,
    pub count: i64,
}

/// One round trip, and one snapshot of rows, counts and position. Built and not a file: which conditions and which
/// order a statement has decides its plan.
pub async fn list(
    models: &ReadModels,
    filter: &Filter,
    sort: Sort<By>,
    part: &Part,
) -> Result<(Products, Reflects), QueryError> {
    let cursors = Cursors::of("products", &(filter, sort));
    let mut query = QueryBuilder::new(collection::PROGRESS);
    query.push(", (SELECT COALESCE(json_agg(product), '[]') FROM (");
    push_page(&mut query, filter, sort, part, &cursors)?;
    query.push(") AS product) AS products, (SELECT COALESCE(json_agg(facet), '[]') FROM (");
    push_facet(&mut query, filter, Facet::Category);
    query.push(") AS facet) AS categories, (SELECT COALESCE(json_agg(facet), '[]') FROM (");
    push_facet(&mut query, filter, Facet::Status);
    query.push(") AS facet) AS statuses FROM projection.progress WHERE progress.schema_name = ");
    query.push_bind(DEFINITION.schema_name);

    let listed: Listed =
        query.build_query_as().fetch_optional(models.pool()).await?.ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, listed.position, listed.lag_ms, listed.is_incomplete)?;
    let facets = Facets {
        category: listed.categories.0,
        status: (filter.audience == Audience::Staff).then_some(listed.statuses.0),
    };
    let page = cursors.page(part, listed.products.0, |row| sort_key(row, sort.by));
    Ok((Products { page: page.map(Product::from), facets }, reflects))
}

#[derive(sqlx::FromRow)]
struct Listed {
    position: i64,
    lag_ms: i64,
    is_incomplete: bool,
    products: Json<Vec<ProductRow>>,
    categories: Json<Vec<FacetCount>>,
    statuses: Json<Vec<FacetCount>>,
}

fn sort_key(row: &ProductRow, by: By) -> Value {
    match by {
        By::Name => json!([row.sort_name, row.sku]),
        By::Price => json!([row.price, row.sku]),
        By::CreatedAt => json!([row.created_at, row.sku]),
    }
}

fn push_page(
    query: &mut QueryBuilder<Postgres>,
    filter: &Filter,
    sort: Sort<By>,
    part: &Part,
    cursors: &Cursors,
) -> Result<(), QueryError> {
    query.push(include_str!("sql/list_products.sql"));
    push_conditions(query, filter, None);
    match sort.by {
        By::Name => cursors.push_part::<String, String>(query, part, ["sort_name", "sku"], sort.descending),
        By::Price => cursors.push_part::<i64, String>(query, part, ["price", "sku"], sort.descending),
        By::CreatedAt => {
            cursors.push_part::<DateTime<Utc>, String>(query, part, ["created_at", "sku"], sort.descending)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Facet {
    Category,
    Status,
}

fn push_facet(query: &mut QueryBuilder<Postgres>, filter: &Filter, facet: Facet) {
    let column = match facet {
        Facet::Category => "category",
        Facet::Status => "status",
    };
    query.push("SELECT ").push(column).push(" AS value, count(*) AS count FROM products WHERE ");
    query.push(column).push(" IS NOT NULL");
    push_conditions(query, filter, Some(facet));
    query.push(" GROUP BY ").push(column).push(" ORDER BY count(*) DESC, ").push(column);
    query.push(" LIMIT ").push_bind(FACET_VALUES_MAX);
}

/// Every filter but that on the facet, each as a further condition.
fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &Filter, facet: Option<Facet>) {
    if filter.audience == Audience::Customers {
        query.push(" AND status = 'published'");
    }
    if let Some(status) = filter.status.as_ref().filter(|_| facet != Some(Facet::Status)) {
        query.push(" AND status = ").push_bind(status.clone());
    }
    if let Some(category) = filter.category.as_ref().filter(|_| facet != Some(Facet::Category)) {
        query.push(" AND category = ").push_bind(category.clone());
    }
    if let Some(q) = &filter.q {
        // Of words that hold nothing to search for there is no query, and nothing is found.
        query.push(" AND search @@ (NULLIF(plainto_tsquery('simple', ").push_bind(q.clone());
        query.push(")::text, '') || ':*')::tsquery");
    }
    if let Some(min_price) = filter.min_price {
        query.push(" AND price >= ").push_bind(min_price);
    }
    if let Some(max_price) = filter.max_price {
        query.push(" AND price <= ").push_bind(max_price);
    }
    if let Some(parent_sku) = &filter.parent_sku {
        query.push(" AND parent_sku = ").push_bind(parent_sku.to_string());
    }
    if !filter.attributes.is_empty() {
        let pairs: Vec<String> = filter.attributes.iter().map(|(name, value)| attribute_pair(name, value)).collect();
        query.push(" AND attribute_pairs @> ").push_bind(pairs);
    }
}
