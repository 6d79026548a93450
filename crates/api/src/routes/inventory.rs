//! `/v1/inventory`: stock, as staff receive, count and move it.

use axum::extract::State;
use axum::response::Response;
use commands::inventory::{AdjustStock, ChangeStockPolicy, PutStockBack, ReceiveStock, SetStockAside, TransferStock};
use domain::ids::{Location, Quantity, Reason, Sku};
use domain::inventory::PolicyChange;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, PathParam};
use crate::places::{StockAnswer, StockCommand};
use crate::problem::Problem;
use crate::queries::{self, Inquiry};
use crate::views::stock::StockView;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Receipt {
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
    #[schema(value_type = String, required = false, default = "main")]
    #[serde(default = "Location::main")]
    location: Location,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Adjustment {
    /// How many more there are, or, below zero, fewer
    delta: i64,
    #[schema(value_type = String, max_length = 500, example = "count")]
    reason: Reason,
    #[schema(value_type = String, required = false, default = "main")]
    #[serde(default = "Location::main")]
    location: Location,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Transfer {
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
    #[schema(value_type = String, example = "main")]
    from: Location,
    #[schema(value_type = String, example = "shop")]
    to: Location,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Aside {
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
    #[schema(value_type = String, max_length = 500, example = "damaged")]
    reason: Reason,
    #[schema(value_type = String, required = false, default = "main")]
    #[serde(default = "Location::main")]
    location: Location,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Policy {
    /// `inventory.low_stock` is told when no more than this is available; 0 tells nothing
    #[serde(default)]
    low_stock_threshold: Option<i64>,
    /// How far below zero what is available may be taken
    #[serde(default)]
    backorder_limit: Option<i64>,
    /// Units that are never sold
    #[serde(default)]
    safety_stock: Option<i64>,
    /// Orders are served from the location with the least first; 0 to 1,000
    #[schema(minimum = 0, maximum = 1_000)]
    #[serde(default)]
    priority: Option<i64>,
    #[schema(value_type = String, required = false, default = "main")]
    #[serde(default = "Location::main")]
    location: Location,
}

/// Read the stock of a SKU
///
/// Over all locations. Advice, as of the position it names: what can be had is decided at checkout.
#[utoipa::path(get, path = "/v1/inventory/{sku}", tag = "inventory", params(("sku" = String, Path)),
    responses((status = 200, body = StockView)))]
pub(crate) async fn read_stock(
    State(app): State<App>,
    inquiry: Inquiry,
    PathParam(sku): PathParam<Sku>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &projections::stock::DEFINITION).await?;
    let found = projections::stock::find(&app.shop.read_models, &sku).await;
    let (stock, reflects) = found.map_err(|error| queries::problem_of(&error))?;
    let stock = stock.ok_or_else(queries::not_found)?;
    let version = stock.version;
    inquiry.answer(StockView::from(stock), Some(version), reflects)
}

/// Receive stock
#[utoipa::path(post, path = "/v1/inventory/{sku}/receipts", tag = "inventory", params(("sku" = String, Path)),
    request_body = Receipt, responses((status = 201, body = StockView)))]
pub(crate) async fn receive(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Receipt>,
) -> Result<Response, Problem> {
    let Receipt { quantity, location } = body.value;
    let (touched, idempotency) = (vec![location.clone()], body.idempotency);
    let use_case = ReceiveStock { sku: sku.clone(), location, quantity };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(created(&answered).render(asker.prefer, || answered.stock))
}

/// Correct a count
///
/// A fact: it is recorded whatever it leaves uncovered.
#[utoipa::path(post, path = "/v1/inventory/{sku}/adjustments", tag = "inventory", params(("sku" = String, Path)),
    request_body = Adjustment, responses((status = 201, body = StockView)))]
pub(crate) async fn adjust(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Adjustment>,
) -> Result<Response, Problem> {
    let Adjustment { delta, reason, location } = body.value;
    let (touched, idempotency) = (vec![location.clone()], body.idempotency);
    let use_case = AdjustStock { sku: sku.clone(), location, delta, reason };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(created(&answered).render(asker.prefer, || answered.stock))
}

/// Move stock between locations
///
/// Both sides are one append: nothing is ever in neither place, or in both.
#[utoipa::path(post, path = "/v1/inventory/{sku}/transfers", tag = "inventory", params(("sku" = String, Path)),
    request_body = Transfer, responses((status = 201, body = StockView)))]
pub(crate) async fn transfer(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Transfer>,
) -> Result<Response, Problem> {
    let Transfer { quantity, from, to } = body.value;
    let (touched, idempotency) = (vec![from.clone(), to.clone()], body.idempotency);
    let use_case = TransferStock { sku: sku.clone(), quantity, from, to };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(created(&answered).render(asker.prefer, || answered.stock))
}

/// Keep stock out of sale
///
/// Damaged, or in quality check: it stays on hand and is not available.
#[utoipa::path(post, path = "/v1/inventory/{sku}/set-aside", tag = "inventory", params(("sku" = String, Path)),
    request_body = Aside, responses((status = 200, body = StockView)))]
pub(crate) async fn set_aside(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Aside>,
) -> Result<Response, Problem> {
    let Aside { quantity, reason, location } = body.value;
    let (touched, idempotency) = (vec![location.clone()], body.idempotency);
    let use_case = SetStockAside { sku: sku.clone(), location, quantity, reason };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(done(&answered).render(asker.prefer, || answered.stock))
}

/// Put what was set aside back into sale
#[utoipa::path(post, path = "/v1/inventory/{sku}/put-back", tag = "inventory", params(("sku" = String, Path)),
    request_body = Aside, responses((status = 200, body = StockView)))]
pub(crate) async fn put_back(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Aside>,
) -> Result<Response, Problem> {
    let Aside { quantity, reason, location } = body.value;
    let (touched, idempotency) = (vec![location.clone()], body.idempotency);
    let use_case = PutStockBack { sku: sku.clone(), location, quantity, reason };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(done(&answered).render(asker.prefer, || answered.stock))
}

/// Set thresholds and limits
///
/// What is not given stays as it is.
#[utoipa::path(put, path = "/v1/inventory/{sku}/policy", tag = "inventory", params(("sku" = String, Path)),
    request_body = Policy, responses((status = 200, body = StockView)))]
pub(crate) async fn change_policy(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<Policy>,
) -> Result<Response, Problem> {
    let Policy { low_stock_threshold, backorder_limit, safety_stock, priority, location } = body.value;
    let change = PolicyChange { low_stock_threshold, backorder_limit, safety_stock, priority };
    let (touched, idempotency) = (vec![location.clone()], body.idempotency);
    let use_case = ChangeStockPolicy { sku: sku.clone(), location, change };
    let answered = StockCommand { sku, touched, use_case, if_match, idempotency }.run(&app, &asker).await?;
    Ok(done(&answered).render(asker.prefer, || answered.stock))
}

fn done(StockAnswer { answer, stock }: &StockAnswer) -> CommandAnswer {
    CommandAnswer::new(stock.version, answer.position).replayed(answer.replayed)
}

fn created(answered: &StockAnswer) -> CommandAnswer {
    done(answered).created(format!("/v1/inventory/{}", answered.stock.sku))
}
