//! `/v1/reports`: sums over what was sold.

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use domain::country::Country;
use domain::ids::Sku;
use domain::money::{Currency, Money};
use projections::sales::{self, Dimension, SalesRow, UnknownDimension};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::QueryParams;
use crate::page::Page;
use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};
use crate::queries::{self, Inquiry};
use crate::views::money::MoneySchema;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SalesQuery {
    /// day, month, sku, currency, country, with commas between several; the sums over all if it is not given
    #[serde(default)]
    group_by: Option<String>,
    /// The first day, included
    #[serde(default)]
    from: Option<NaiveDate>,
    /// The last day, included
    #[serde(default)]
    to: Option<NaiveDate>,
    #[param(value_type = Option<String>)]
    #[serde(default)]
    sku: Option<Sku>,
    #[param(value_type = Option<String>)]
    #[serde(default)]
    currency: Option<Currency>,
    #[param(value_type = Option<String>)]
    #[serde(default)]
    country: Option<Country>,
    #[param(value_type = u16, minimum = 1, maximum = 10_000)]
    #[serde(default)]
    limit: Option<u16>,
    /// `next_cursor` of the page before
    #[serde(default)]
    cursor: Option<String>,
}

/// Sums of one group. Units and revenue are of orders confirmed, less what was cancelled; refunds are what was given back of
/// that, counted on the day on which it was, and net is revenue less refunds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sales)]
pub(crate) struct SalesView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11-21")]
    day: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-11")]
    month: Option<String>,
    /// Empty where money was given back for no goods in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// Empty where the order does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    units: i64,
    #[schema(value_type = MoneySchema)]
    revenue: Money,
    #[schema(value_type = MoneySchema)]
    refunds: Money,
    #[schema(value_type = MoneySchema)]
    net: Money,
}

/// Report sales
///
/// By day, month, SKU, currency and country of delivery. Days are UTC: sales are counted at confirmation, refunds when the money
/// was given back. What is given back for cancelled units is no refund: they are no sales any more.
#[utoipa::path(get, path = "/v1/reports/sales", tag = "reports", params(SalesQuery),
    responses((status = 200, body = Page<SalesView>)))]
pub(crate) async fn report_sales(
    State(app): State<App>,
    inquiry: Inquiry,
    QueryParams(query): QueryParams<SalesQuery>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &sales::DEFINITION).await?;
    let names = query.group_by.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty());
    let dimensions: Vec<Dimension> = names
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|error: UnknownDimension| parameter("group_by", error.to_string()))?;
    let limit = match query.limit {
        Some(limit) => {
            projections::Limit::of_report(limit).ok_or_else(|| parameter("limit", "must be 1 to 10000".to_owned()))?
        }
        None => projections::Limit::report_default(),
    };
    let filter = sales::Filter {
        from: query.from,
        to: query.to,
        sku: query.sku,
        currency: query.currency,
        country: query.country,
    };
    let part = projections::Part { limit, cursor: query.cursor };
    let reported = sales::report(&app.shop.read_models, &dimensions, &filter, &part).await;
    let (page, reflects) = reported.map_err(|error| queries::problem_of(&error))?;
    let data = page.data.into_iter().map(SalesView::from).collect();
    inquiry.answer_page(Page::<SalesView> { data, next_cursor: page.next_cursor }, reflects)
}

fn parameter(name: &str, detail: String) -> Problem {
    Problem::new(Code::InvalidValue).at(Place::Parameter(name.to_owned()), FieldCode::InvalidValue, detail)
}

impl From<SalesRow> for SalesView {
    fn from(row: SalesRow) -> Self {
        let SalesRow { day, month, sku, currency, country, units, revenue, refunds, net } = row;
        let currency = currency.map(|currency| currency.to_string());
        Self { day, month, sku, currency, country, units, revenue, refunds, net }
    }
}
