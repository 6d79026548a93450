//! `/v1/products`: what is sold.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use commands::command::Answer;
use commands::products::{ArchiveProduct, ChangePrice, CreateProduct, ProductOutcome, PublishProduct, UpdateProduct};
use commands::world::Held;
use domain::ids::{Sku, product_stream};
use domain::money::Money;
use domain::product::{Attributes, AttributesPatch, Category, Changes, Description, Name, Patch, Product};
use eventstore::event::StreamId;
use projections::catalogue::{self, Audience, FacetCount};
use projections::{Sort, UnknownSort};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam, QueryParams};
use crate::page::{Limit, part};
use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};
use crate::queries::{self, Inquiry};
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
    #[schema(value_type = Object, required = false)]
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
    #[schema(value_type = String, required = false, max_length = 200)]
    #[serde(default)]
    name: Patch<Name>,
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

/// What of the catalogue is asked for. Attributes are asked for as `attribute.NAME=VALUE`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductQuery {
    /// Words in the SKU, the name, the category or the description; the last may be the beginning of one
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    category: Option<String>,
    /// In minor units, included
    #[serde(default)]
    min_price: Option<i64>,
    /// In minor units, included
    #[serde(default)]
    max_price: Option<i64>,
    #[param(value_type = Option<String>)]
    #[serde(default)]
    parent_sku: Option<Sku>,
    /// For staff: draft, published or archived. Others see what is published
    #[serde(default)]
    status: Option<String>,
    /// name, price or created_at, each also with a - in front
    #[serde(default)]
    sort: Option<String>,
    #[param(value_type = u16, minimum = 1, maximum = 200)]
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before
    #[serde(default)]
    cursor: Option<String>,
    #[param(ignore)]
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// A page of the catalogue, and how many products there are of each value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProductListing {
    data: Vec<ProductView>,
    /// Pass it on as `cursor`, with the same filters; null on the last page.
    next_cursor: Option<String>,
    facets: FacetsView,
}

/// Counted under all filters but that on the facet itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Facets)]
pub(crate) struct FacetsView {
    category: Vec<FacetView>,
    /// For staff alone: the others see one status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Vec<FacetView>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Facet)]
pub(crate) struct FacetView {
    value: String,
    count: i64,
}

impl From<FacetCount> for FacetView {
    fn from(FacetCount { value, count }: FacetCount) -> Self {
        Self { value, count }
    }
}

/// Search the catalogue
#[utoipa::path(get, path = "/v1/products", tag = "products", params(ProductQuery),
    responses((status = 200, body = ProductListing)))]
pub(crate) async fn list_products(
    State(app): State<App>,
    inquiry: Inquiry,
    QueryParams(query): QueryParams<ProductQuery>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &catalogue::DEFINITION).await?;
    let sort = match &query.sort {
        Some(sort) => sort.parse().map_err(|error: UnknownSort| parameter("sort", error.to_string()))?,
        None => Sort::default(),
    };
    let filter = catalogue::Filter {
        q: query.q.filter(|q| !q.trim().is_empty()),
        category: query.category,
        min_price: query.min_price,
        max_price: query.max_price,
        attributes: attributes(query.others)?,
        parent_sku: query.parent_sku,
        status: query.status,
        ..catalogue::Filter::all(audience(&inquiry))
    };
    let listed = catalogue::list(&app.shop.read_models, &filter, sort, &part(query.limit, query.cursor)).await;
    let (products, reflects) = listed.map_err(|error| queries::problem_of(&error))?;
    let facet = |counts: Vec<FacetCount>| counts.into_iter().map(FacetView::from).collect();
    let listing = ProductListing {
        data: products.page.data.into_iter().map(ProductView::from).collect(),
        next_cursor: products.page.next_cursor.clone(),
        facets: FacetsView { category: facet(products.facets.category), status: products.facets.status.map(facet) },
    };
    inquiry.answer_listing(listing, products.page.next_cursor.as_deref(), reflects)
}

/// Read a product
#[utoipa::path(get, path = "/v1/products/{sku}", tag = "products", params(("sku" = String, Path)),
    responses((status = 200, body = ProductView)))]
pub(crate) async fn read_product(
    State(app): State<App>,
    inquiry: Inquiry,
    PathParam(sku): PathParam<Sku>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &catalogue::DEFINITION).await?;
    let found = catalogue::find(&app.shop.read_models, &sku, audience(&inquiry)).await;
    let (product, reflects) = found.map_err(|error| queries::problem_of(&error))?;
    let product = product.ok_or_else(queries::not_found)?;
    let version = product.version;
    inquiry.answer(ProductView::from(product), Some(version), reflects)
}

/// Those who run the shop see what is not for sale too.
fn audience(inquiry: &Inquiry) -> Audience {
    match &inquiry.caller {
        Some(caller) if caller.only_own().is_none() => Audience::Staff,
        _ => Audience::Customers,
    }
}

/// What is left of the parameters has to be attributes.
fn attributes(others: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let mut attributes = BTreeMap::new();
    for (name, value) in others {
        match name.strip_prefix("attribute.") {
            Some(attribute) if !attribute.is_empty() => attributes.insert(attribute.to_owned(), value),
            _ => {
                let place = Place::Parameter(name);
                return Err(Problem::new(Code::InvalidParameter).at(
                    place,
                    FieldCode::UnknownField,
                    "is not known here",
                ));
            }
        };
    }
    Ok(attributes)
}

fn parameter(name: &str, detail: String) -> Problem {
    Problem::new(Code::InvalidValue).at(Place::Parameter(name.to_owned()), FieldCode::InvalidValue, detail)
}

/// Create a product
///
/// The same product again changes nothing; another one under a SKU that is taken is refused.
#[utoipa::path(post, path = "/v1/products", tag = "products", request_body = NewProduct,
    responses((status = 201, body = ProductView)))]
pub(crate) async fn create_product(
    State(app): State<App>,
    asker: Asker,
    if_match: IfMatch,
    body: JsonBody<NewProduct>,
) -> Result<Response, Problem> {
    let NewProduct { sku, name, description, category, price, attributes, parent_sku, publish } = body.value;
    let location = format!("/v1/products/{sku}");
    let expected = expected(&sku, if_match);
    let use_case = CreateProduct { sku, name, description, category, price, attributes, parent_sku, publish };
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command.created(location)))
}

/// Change a product
///
/// `If-Match` with the `ETag` of your last read is required, so that nobody's change is lost.
#[utoipa::path(patch, path = "/v1/products/{sku}", tag = "products", params(("sku" = String, Path)),
    request_body(content((ProductPatch = "application/merge-patch+json"), (ProductPatch = "application/json"))),
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
    let name = match name {
        Patch::Keep => None,
        Patch::Set(name) => Some(name),
        Patch::Clear => return Err(Problem::value("/name", "a product has a name")),
    };
    let use_case = UpdateProduct { sku, changes: Changes { name, description, category, attributes, parent_sku } };
    let answer = asker.run(&app, use_case, body.idempotency, Some(expected)).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
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
    let answer = asker.run(&app, PublishProduct { sku }, body.idempotency, expected).await?;
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
    let answer = asker.run(&app, ArchiveProduct { sku }, body.idempotency, expected).await?;
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
