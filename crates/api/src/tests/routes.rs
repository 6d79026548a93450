//! Routes that use every extractor and every kind of answer once.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use eventstore::event::Position;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{CommandAnswer, QueryAnswer};
use crate::app::App;
use crate::auth::Caller;
use crate::auth::access::{ANY, NO, OWN, Row};
use crate::extract::{JsonBody, NoBody, PathParam, QueryParams, RawBody};
use crate::headers::{CommandHeaders, QueryHeaders};
use crate::problem::Problem;
use crate::problems::Code;
use crate::router::Routes;

#[rustfmt::skip]
static TABLE: &[Row] = &[
    //                                                       customer staff auditor admin service
    Row::new(Method::POST, "/v1/samples", "samples:write",    [OWN, ANY, NO, ANY, NO]),
    Row::new(Method::GET, "/v1/samples/{id}", "samples:read", [OWN, ANY, ANY, ANY, NO]),
    Row::new(Method::PATCH, "/v1/samples/{id}", "samples:write", [NO, ANY, NO, ANY, NO]),
    Row::new(Method::POST, "/v1/samples/{id}/payments", "samples:pay", [OWN, ANY, NO, ANY, NO]).with_key_required(),
    Row::new(Method::POST, "/v1/samples/{id}/lines/{sku}", "samples:write", [OWN, ANY, NO, ANY, NO]),
    Row::public(Method::GET, "/v1/listed"),
    Row::public(Method::POST, "/v1/raw"),
    Row::public(Method::GET, "/test/problems/{code}"),
    Row::public(Method::GET, "/test/panic"),
    Row::public(Method::GET, "/test/forever"),
    Row::public(Method::GET, "/test/teapot"),
];

pub(super) fn router(app: App) -> Router {
    Routes::new(TABLE, std::sync::Arc::clone(&app.auth))
        .add(routes!(create))
        .add(routes!(read, change))
        .add(routes!(pay))
        .add(routes!(line))
        .add(routes!(listed))
        .add(routes!(raw))
        .add(routes!(problem))
        .add(routes!(panic))
        .add(routes!(forever))
        .add(routes!(teapot))
        .finish(app)
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Sample {
    sku: String,
    quantity: u32,
    #[serde(default)]
    kind: Option<Kind>,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    Fancy,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Line {
    amount: i64,
    price: f64,
}

#[utoipa::path(post, path = "/v1/samples", request_body = Sample, responses((status = 201, body = Sample)))]
async fn create(caller: Caller, headers: CommandHeaders, body: JsonBody<Sample>) -> Result<Response, Problem> {
    let fingerprint = body
        .idempotency
        .map(|idempotency| (idempotency.key.as_str().to_owned(), format!("{:?}", idempotency.fingerprint)));
    let answer = CommandAnswer::new(3, Position(41)).created(format!("/v1/samples/{}", caller.subject()));
    let trace = headers.trace_parent.to_string();
    Ok(answer
        .replayed(fingerprint.is_some())
        .render(headers.prefer, || json!({ "value": body.value, "idempotency": fingerprint, "traceparent": trace })))
}

#[derive(Debug, Deserialize)]
struct Filter {
    owner: Option<Uuid>,
}

#[utoipa::path(get, path = "/v1/samples/{id}", params(("id" = Uuid, Path)), responses((status = 200, body = Value)))]
async fn read(
    caller: Caller,
    PathParam(id): PathParam<Uuid>,
    QueryParams(filter): QueryParams<Filter>,
    headers: QueryHeaders,
) -> Result<Response, Problem> {
    caller.may_touch(filter.owner.unwrap_or_else(|| caller.subject()))?;
    let body = json!({
        "id": id,
        "min_position": headers.min_position.position,
        "wait_ms": headers.min_position.wait.as_millis() as u64,
    });
    let answer = QueryAnswer { body, version: 7, position: Position(99), lag: Duration::from_millis(12) };
    Ok(answer.render(&headers.if_none_match))
}

#[utoipa::path(patch, path = "/v1/samples/{id}", params(("id" = Uuid, Path)), request_body = Value,
    responses((status = 200, body = Value)))]
async fn change(
    PathParam(_id): PathParam<Uuid>,
    headers: CommandHeaders,
    body: JsonBody<BTreeMap<String, Value>>,
) -> Result<Response, Problem> {
    match headers.if_match.0 {
        Some(version) if version != 7 => Err(Problem::new(Code::VersionMismatch).with("current_version", 7)),
        _ => Ok(CommandAnswer::new(8, Position(100)).render(headers.prefer, || body.value)),
    }
}

#[utoipa::path(post, path = "/v1/samples/{id}/payments", params(("id" = Uuid, Path)), responses((status = 200)))]
async fn pay(PathParam(_id): PathParam<Uuid>, headers: CommandHeaders, _: NoBody) -> Response {
    CommandAnswer::new(8, Position(100)).render(headers.prefer, || json!({}))
}

#[utoipa::path(post, path = "/v1/samples/{id}/lines/{sku}", params(("id" = Uuid, Path), ("sku" = String, Path)),
    responses((status = 200)))]
async fn line(PathParam((id, sku)): PathParam<(Uuid, String)>) -> Json<Value> {
    Json(json!({ "id": id, "sku": sku }))
}

#[derive(Debug, Serialize, Deserialize)]
struct Listing {
    limit: Option<u8>,
    after: Option<i64>,
    category: Option<String>,
    in_stock: Option<bool>,
    kind: Option<Kind>,
}

#[utoipa::path(get, path = "/v1/listed", responses((status = 200, body = Value)))]
async fn listed(caller: Option<Caller>, QueryParams(listing): QueryParams<Listing>) -> Json<Value> {
    Json(json!({ "listing": listing, "only_own": caller.map(|caller| caller.only_own()) }))
}

#[utoipa::path(post, path = "/v1/raw", responses((status = 200, body = String, content_type = "text/plain")))]
async fn raw(RawBody(bytes): RawBody) -> String {
    bytes.len().to_string()
}

#[utoipa::path(get, path = "/test/problems/{code}", params(("code" = String, Path)), responses((status = 204)))]
async fn problem(PathParam(code): PathParam<String>) -> Problem {
    Problem::new(Code::named(&code).expect("the test asks for codes of the catalogue")).with("hint", 1)
}

#[utoipa::path(get, path = "/test/panic", responses((status = 204)))]
async fn panic(State(_): State<App>) -> StatusCode {
    panic!("SELECT secret FROM /etc/passwd")
}

#[utoipa::path(get, path = "/test/forever", responses((status = 204)))]
async fn forever() -> StatusCode {
    std::future::pending().await
}

#[utoipa::path(get, path = "/test/teapot", responses((status = 204)))]
async fn teapot() -> (StatusCode, &'static str) {
    (StatusCode::IM_A_TEAPOT, "SELECT version()")
}
