//! Documents for people: the API reference, which works without a network, and a page for every problem.

mod pages;

use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::extract::PathParam;
use crate::problem::Problem;
use crate::problems::{CATALOGUE, Code};

/// Swagger UI 5.35.0 (Apache-2.0; npm `swagger-ui-dist`), packed by `gzip -9n` and sent as it is.
const SWAGGER_UI_JS: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz");
const SWAGGER_UI_CSS: &[u8] = include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz");
const REFERENCE_HTML: &str = include_str!("reference.html");
const REFERENCE_JS: &str = include_str!("reference.js");

/// Everything from here, nothing from elsewhere, and requests to this server alone.
const REFERENCE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Headers = [(HeaderName, HeaderValue); 2];

fn headers(content_type: &'static str, policy: HeaderValue) -> Headers {
    [(CONTENT_TYPE, HeaderValue::from_static(content_type)), (CONTENT_SECURITY_POLICY, policy)]
}

/// The OpenAPI document
#[utoipa::path(get, path = "/openapi.json", tag = "documentation",
    responses((status = 200, body = serde_json::Value, content_type = "application/json")))]
pub(crate) async fn openapi(State(app): State<App>) -> Response {
    let json = app.openapi.get().cloned().unwrap_or_default();
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}

/// The API reference
///
/// A page for the browser in which every request can be tried.
#[utoipa::path(get, path = "/docs", tag = "documentation",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn reference() -> Response {
    (headers("text/html; charset=utf-8", HeaderValue::from_static(REFERENCE_POLICY)), REFERENCE_HTML).into_response()
}

/// A file of the API reference
#[utoipa::path(get, path = "/docs/{asset}", tag = "documentation", params(("asset" = String, Path)),
    responses((status = 200, description = "The file", content((String = "text/javascript"), (String = "text/css")))))]
pub(crate) async fn asset(PathParam(name): PathParam<String>) -> Result<Response, Problem> {
    let packed = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
    let policy = HeaderValue::from_static("default-src 'none'");
    let script = headers("text/javascript; charset=utf-8", policy.clone());
    match name.as_str() {
        "reference.js" => Ok((script, REFERENCE_JS).into_response()),
        "swagger-ui-bundle.js" => Ok((script, packed, SWAGGER_UI_JS).into_response()),
        "swagger-ui.css" => Ok((headers("text/css; charset=utf-8", policy), packed, SWAGGER_UI_CSS).into_response()),
        _ => Err(Problem::new(Code::NotFound)),
    }
}

/// Every problem code
#[utoipa::path(get, path = "/docs/problems", tag = "documentation",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn problems() -> Response {
    page(pages::list(CATALOGUE))
}

/// What one problem code means
#[utoipa::path(get, path = "/docs/problems/{code}", tag = "documentation", params(("code" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html")))]
pub(crate) async fn problem(PathParam(name): PathParam<String>) -> Result<Response, Problem> {
    let code = Code::named(&name).ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(page(pages::one(code.entry())))
}

fn page(html: String) -> Response {
    (headers("text/html; charset=utf-8", pages::policy()), html).into_response()
}
