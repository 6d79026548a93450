//! The sales report: units, revenue and refunds, summed up by what is asked for.

use std::str::FromStr;

use chrono::NaiveDate;
use domain::{
    country::Country,
    ids::Sku,
    money::{Currency, Money},
};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder, types::Json};

use super::DEFINITION;
use crate::{
    collection::{self, Cursors, Page, Part},
    read_models::{QueryError, ReadModels, Reflects},
};

/// What the report can be broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    Day,
    Month,
    Sku,
    Currency,
    Country,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sales can be grouped by {}", Dimension::ALL.map(Dimension::name).join(", "))]
pub struct UnknownDimension;

impl Dimension {
    pub const ALL: [Self; 5] = [Self::Day, Self::Month, Self::Sku, Self::Currency, Self::Country];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Sku => "sku",
            Self::Currency => "currency",
            Self::Country => "country",
        }
    }

    /// As text, so that a cursor holds any of them; ISO dates have the order of their days.
    fn expression(self) -> &'static str {
        match self {
            Self::Day => "to_char(day, 'YYYY-MM-DD')",
            Self::Month => "to_char(day, 'YYYY-MM')",
            Self::Sku => "sku",
            Self::Currency => "currency",
            Self::Country => "country",
        }
    }
}

impl FromStr for Dimension {
    type Err = UnknownDimension;

    fn from_str(name: &str) -> Result<Self, UnknownDimension> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name).ok_or(UnknownDimension)
    }
}

/// What is not given filters nothing.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filter {
    /// The first day and the last, both included.
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub sku: Option<Sku>,
    pub currency: Option<Currency>,
    pub country: Option<Country>,
}

/// Sums of one group. Money is in one currency, so there is a row a currency whether or not it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SalesRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// Empty where money was given back for no goods in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Empty where the order does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    pub units: i64,
    /// What was sold.
    pub revenue: Money,
    /// What was given back of it.
    pub refunds: Money,
    /// The one less the other.
    pub net: Money,
}

/// One round trip. Sorted by what it is grouped by, in the order given; of nothing it is grouped by, the sums over all.
pub async fn report(
    models: &ReadModels,
    group_by: &[Dimension],
    filter: &Filter,
    part: &Part,
) -> Result<(Page<SalesRow>, Reflects), QueryError> {
    let dimensions = distinct(group_by);
    let cursors = Cursors::of("sales", &(&dimensions, filter));
    let after: Option<Vec<String>> = cursors.decode(part)?;
    let mut query = QueryBuilder::new(collection::PROGRESS);
    query.push(", (SELECT COALESCE(json_agg(grouped), '[]') FROM (");
    push_groups(&mut query, &dimensions, filter, after.as_deref());
    query.push(" LIMIT ").push_bind(part.limit.rows_to_fetch());
    query.push(") AS grouped) AS rows FROM projection.progress WHERE progress.schema_name = ");
    query.push_bind(DEFINITION.schema_name);

    let listed: Listed =
        query.build_query_as().fetch_optional(models.pool()).await?.ok_or(QueryError::not_installed(&DEFINITION))?;
    let reflects = Reflects::whole(&DEFINITION, listed.position, listed.lag_ms, listed.is_incomplete)?;
    let page = cursors.page(part, listed.rows.0, |row| row.key(&dimensions));
    Ok((page.map(|row| row.shown(&dimensions)), reflects))
}

#[derive(sqlx::FromRow)]
struct Listed {
    position: i64,
    lag_ms: i64,
    is_incomplete: bool,
    rows: Json<Vec<GroupRow>>,
}

#[derive(Debug, Deserialize)]
struct GroupRow {
    day: Option<String>,
    month: Option<String>,
    sku: Option<String>,
    currency: Currency,
    country: Option<String>,
    units: i64,
    revenue: i64,
    refunds: i64,
}

/// Each once, in the order given.
fn distinct(group_by: &[Dimension]) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for dimension in group_by.iter().copied() {
        if !dimensions.contains(&dimension) {
            dimensions.push(dimension);
        }
    }
    dimensions
}

fn push_groups(
    query: &mut QueryBuilder<Postgres>,
    dimensions: &[Dimension],
    filter: &Filter,
    after: Option<&[String]>,
) {
    query.push("SELECT ");
    for dimension in dimensions.iter().filter(|dimension| **dimension != Dimension::Currency) {
        query.push(dimension.expression()).push(" AS ").push(dimension.name()).push(", ");
    }
    query.push(
        "currency, sum(units)::bigint AS units, sum(revenue)::bigint AS revenue, sum(refunds)::bigint AS refunds
        FROM sales WHERE TRUE",
    );
    push_conditions(query, filter);
    let expressions = sort_expressions(dimensions);
    if let Some(after) = after {
        // Days before the cursor's are not summed up again.
        if let (Some(Dimension::Day), Some(day)) = (dimensions.first(), after.first()) {
            query.push(" AND day >= ").push_bind(day.clone()).push("::date");
        }
        query.push(format_args!(" AND ({expressions}) > ("));
        let mut keys = query.separated(", ");
        for key in after {
            keys.push_bind(key.clone());
        }
        query.push(")");
    }
    query.push(format_args!(
        " GROUP BY {expressions} HAVING sum(units) <> 0 OR sum(revenue) <> 0 OR sum(refunds) <> 0 ORDER BY {expressions}"
    ));
}

/// The currency comes last where it was not asked for.
fn sort_expressions(dimensions: &[Dimension]) -> String {
    let implied = (!dimensions.contains(&Dimension::Currency)).then_some(Dimension::Currency);
    let all: Vec<&str> = dimensions.iter().copied().chain(implied).map(Dimension::expression).collect();
    all.join(", ")
}

fn push_conditions(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(from) = filter.from {
        query.push(" AND day >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND day <= ").push_bind(to);
    }
    if let Some(sku) = &filter.sku {
        query.push(" AND sku = ").push_bind(sku.to_string());
    }
    if let Some(currency) = filter.currency {
        query.push(" AND currency = ").push_bind(currency.as_str());
    }
    if let Some(country) = filter.country {
        query.push(" AND country = ").push_bind(country.as_str());
    }
}

impl GroupRow {
    fn key(&self, dimensions: &[Dimension]) -> Vec<String> {
        let part = |dimension: Dimension| match dimension {
            Dimension::Day => self.day.clone(),
            Dimension::Month => self.month.clone(),
            Dimension::Sku => self.sku.clone(),
            Dimension::Currency => Some(self.currency.to_string()),
            Dimension::Country => self.country.clone(),
        };
        let implied = (!dimensions.contains(&Dimension::Currency)).then_some(Dimension::Currency);
        dimensions.iter().copied().chain(implied).filter_map(part).collect()
    }

    fn shown(self, dimensions: &[Dimension]) -> SalesRow {
        SalesRow {
            day: self.day,
            month: self.month,
            sku: self.sku,
            currency: dimensions.contains(&Dimension::Currency).then_some(self.currency),
            country: self.country,
            units: self.units,
            revenue: Money::new(self.revenue, self.currency),
            refunds: Money::new(self.refunds, self.currency),
            net: Money::new(self.revenue - self.refunds, self.currency),
        }
    }
}
