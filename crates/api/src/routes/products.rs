//! `/v1/products`: what is sold.

use axum::extract::State;
use axum::response::Response;
use commands::command::Answer;
use commands::products::{
    ArchiveProduct, ChangePrice, CreateProduct, ProductOutcome, PublishProduct, UpdateProduct,
};
use commands::world::Held;
use domain::ids::{Sku, product_stream};
use domain::money::Money;
use domain::product::{Attributes, AttributesPatch, Category, Changes, Description, Name, Patch, Product};
use eventstore::event::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam};
use crate::problem::Problem;
use crate::problems::Code;
use crate::views::money::MoneySchema;
use crate::views::product::ProductView;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewProduct {
    /// 1 to 64 of A-Z a-z 0-9 . _ -, case-sensitive
    #[schema(value_type = String, example = "85123A")]
    sku: Sku,
    #[schema(value_type = String, max_length = 200, example = "White hanging heart T-light holder")]
    name: Name,
    #[schema(value_type = Option<String>, max_length = 5000)]
    #[serde(default)]
    description: Option<Description>,
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    category: Option<Category>,
    #[schema(value_type = MoneySchema)]
    price: Money,
    /// Flat, at most 32: texts, numbers, booleans
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    attributes: Attributes,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    parent_sku: Option<Sku>,
    /// For sale from now on
    #[serde(default)]
    publish: bool,
}

/// A JSON Merge Patch: what is not named stays, what is null goes.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ProductPatch {
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    name: Option<Name>,
    #[schema(value_type = Option<String>, max_length = 5000)]
    #[serde(default)]
    description: Patch<Description>,
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    category: Patch<Category>,
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    attributes: Patch<AttributesPatch>,
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    parent_sku: Patch<Sku>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewPrice {
    #[schema(value_type = MoneySchema)]
    price: Money,
}

/// Create a product
///
/// The same product again changes nothing; another one under a SKU that is taken is refused.
#[utoipa::path(post, path = "/v1/products", tag = "products", request_body = NewProduct,
    responses((status = 201, body = ProductView)))]
pub(crate) async fn create_product(
    State(app): State<App>,
    asker: Asker,
    body: JsonBody<NewProduct>,
) -> Result<Response, Problem> {
    let NewProduct { sku, name, description, category, price, attributes, parent_sku, publish } = body.value;
    let location = format!("/v1/products/{sku}");
    let use_case = CreateProduct { sku, name, description, category, price, attributes, parent_sku, publish };
    let answer = asker.run(&app, use_case, body.idempotency).await?;
    Ok(render(&asker, &answer, |command| command.created(location)))
}

/// Change a product
///
/// `If-Match` with the `ETag` of your last read is required, so that nobody's change is lost.
#[utoipa::path(patch, path = "/v1/products/{sku}", tag = "products", params(("sku" = String, Path)),
    request_body(content = ProductPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, body = ProductView)))]
pub(crate) async fn update_product(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<ProductPatch>,
) -> Result<Response, Problem> {
    let expected = expected(&sku, if_match).ok_or_else(|| Problem::new(Code::IfMatchRequired))?;
    let ProductPatch { name, description, category, attributes, parent_sku } = body.value;
    let use_case = UpdateProduct { sku, changes: Changes { name, description, category, attributes, parent_sku } };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, Some(expected)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Set the price
///
/// Carts keep the price that they showed and are told at checkout.
#[utoipa::path(put, path = "/v1/products/{sku}/price", tag = "products", params(("sku" = String, Path)),
    request_body = NewPrice, responses((status = 200, body = ProductView)))]
pub(crate) async fn change_price(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: JsonBody<NewPrice>,
) -> Result<Response, Problem> {
    let expected = expected(&sku, if_match);
    let use_case = ChangePrice { sku, price: body.value.price };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Put a product up for sale
#[utoipa::path(post, path = "/v1/products/{sku}/publication", tag = "products", params(("sku" = String, Path)),
    responses((status = 200, body = ProductView)))]
pub(crate) async fn publish_product(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let expected = expected(&sku, if_match);
    let answer = asker.run_expecting(&app, PublishProduct { sku }, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Take a product out of sale for good
#[utoipa::path(post, path = "/v1/products/{sku}/archival", tag = "products", params(("sku" = String, Path)),
    responses((status = 200, body = ProductView)))]
pub(crate) async fn archive_product(
    State(app): State<App>,
    asker: Asker,
    PathParam(sku): PathParam<Sku>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let expected = expected(&sku, if_match);
    let answer = asker.run_expecting(&app, ArchiveProduct { sku }, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

fn expected(sku: &Sku, if_match: IfMatch) -> Option<(StreamId, i64)> {
    if_match.0.map(|version| (Product::stream(product_stream(sku)), version))
}

fn render(
    asker: &Asker,
    answer: &Answer<ProductOutcome>,
    dress: impl FnOnce(CommandAnswer) -> CommandAnswer,
) -> Response {
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    dress(command).render(asker.prefer, || ProductView::of(&answer.states, &answer.outcome.sku))
}
