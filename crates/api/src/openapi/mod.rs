//! What the OpenAPI document says about every operation alike: headers, security, problems. A handler states only what is its
//! own; the rest follows from its method, its body and its [row](crate::auth::access::Row).

use axum::http::{Method, StatusCode};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::access::{Access, Row};
use crate::auth::{Role, access};
use crate::health::Check;
use crate::problem::PROBLEM_JSON;
use crate::problems::CATALOGUE;
use crate::views::money::MoneySchema;

const BASE: &str = include_str!("base.json");

/// The document without routes, with the components that [`complete`] refers to.
pub(crate) fn base() -> OpenApi {
    let mut document: OpenApi = serde_json::from_str(BASE).expect("base.json is an OpenAPI document; a test reads it");
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_default();
    // Problems refer to these, whichever routes there are.
    for (name, schema) in [(MoneySchema::name(), MoneySchema::schema()), (Check::name(), Check::schema())] {
        components.schemas.insert(name.into_owned(), schema);
    }
    for status in statuses() {
        components.responses.insert(problem_name(status), RefOr::T(problem_response(status)));
    }
    document
}

/// How an operation meets the book.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Changes the book in the name of a caller.
    Command,
    /// Reads a view of the book.
    Query,
    /// Health, documents, guests, webhooks.
    Other,
}

fn kind(row: &Row) -> Kind {
    match (row.path.starts_with("/v1/"), row.method == Method::GET) {
        (true, true) => Kind::Query,
        (true, false) if !row.is_public() => Kind::Command,
        _ => Kind::Other,
    }
}

/// Adds to an operation what holds for all of its kind.
pub(crate) fn complete(operation: &mut Operation, row: &Row) {
    let kind = kind(row);
    add_parameters(operation, row, kind);
    add_success_headers(operation, kind);
    add_problems(operation, row, kind);
    if let Access::Roles(cells) = row.access {
        operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
        let who = who_may(cells);
        let description = operation.description.get_or_insert_default();
        let gap = if description.is_empty() { "" } else { "\n\n" };
        description.push_str(&format!("{gap}Permission `{}`: {who}.", row.permission));
    }
}

fn who_may(cells: [access::Cell; Role::ALL.len()]) -> String {
    let named = Role::ALL.into_iter().zip(cells).filter_map(|(role, cell)| {
        Some(match cell? {
            access::Scope::Own => format!("{role} (their own)"),
            access::Scope::Any => role.to_string(),
        })
    });
    named.collect::<Vec<_>>().join(", ")
}

fn add_parameters(operation: &mut Operation, row: &Row, kind: Kind) {
    let names: &[&str] = match kind {
        Kind::Other => &[],
        Kind::Query => &["MinPosition", "PreferWait", "IfNoneMatch", "RequestId", "TraceParent"],
        Kind::Command if row.method == Method::PATCH => {
            &["IfMatchRequired", "PreferReturn", "RequestId", "TraceParent"]
        }
        Kind::Command if row.key_required => {
            &["IdempotencyKeyRequired", "IfMatch", "PreferReturn", "RequestId", "TraceParent"]
        }
        Kind::Command if row.method == Method::POST => {
            &["IdempotencyKey", "IfMatch", "PreferReturn", "RequestId", "TraceParent"]
        }
        Kind::Command => &["IfMatch", "PreferReturn", "RequestId", "TraceParent"],
    };
    if !names.is_empty() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.extend(names.iter().map(|name| RefOr::Ref(reference("parameters", name))));
    }
}

fn add_success_headers(operation: &mut Operation, kind: Kind) {
    let headers: &[(&str, &str)] = match kind {
        Kind::Other => &[],
        Kind::Query => &[("ETag", "ETag"), ("Daybook-Position", "Position"), ("Daybook-Lag-Ms", "LagMs")],
        Kind::Command => &[("ETag", "ETag"), ("Daybook-Position", "Position"), ("Idempotent-Replayed", "Replayed")],
    };
    let is_list = names_parameter(operation, "cursor");
    let responses = &mut operation.responses.responses;
    let creates = kind == Kind::Command && responses.contains_key("201");
    if kind == Kind::Command {
        let mut minimal = Response::new("Done; the representation was not asked for (`Prefer: return=minimal`).");
        put_header(&mut minimal, "Preference-Applied", "PreferenceApplied");
        responses.entry("204".to_owned()).or_insert(RefOr::T(minimal));
    }
    if kind == Kind::Query {
        let unchanged = Response::new("The representation that `If-None-Match` names is the current one.");
        responses.entry("304".to_owned()).or_insert(RefOr::T(unchanged));
    }
    for (status, response) in responses.iter_mut() {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            let code = status.parse().ok().and_then(|status: u16| StatusCode::from_u16(status).ok());
            response.description = code.and_then(|code| code.canonical_reason()).unwrap_or("Answer").to_owned();
        }
        let is_event_stream = response.content.contains_key("text/event-stream");
        for (name, component) in headers.iter().filter(|_| !is_event_stream) {
            put_header(response, name, component);
        }
        if creates {
            put_header(response, "Location", "Location");
        }
        if is_list && status == "200" {
            put_header(response, "Link", "Link");
        }
        put_header(response, "X-Request-Id", "RequestId");
    }
}

fn add_problems(operation: &mut Operation, row: &Row, kind: Kind) {
    let has_body = operation.request_body.is_some();
    let mut statuses = vec![400, 405, 406, 500, 503];
    if !row.is_public() {
        statuses.extend([403]);
    }
    if row.path.contains('{') || kind != Kind::Other || has_body {
        statuses.extend([404]);
    }
    if has_body || kind == Kind::Command {
        statuses.extend([408, 413, 415, 422]);
    }
    if kind == Kind::Command {
        statuses.extend([409, 410, 412]);
    }
    if kind == Kind::Query {
        statuses.extend([410, 422]);
    }
    if row.method == Method::PATCH {
        statuses.extend([428]);
    }
    // A public route is refused too if the token sent with it is bad.
    statuses.push(401);
    for status in statuses {
        let reference = RefOr::Ref(reference("responses", &problem_name(status)));
        operation.responses.responses.entry(status.to_string()).or_insert(reference);
    }
}

fn names_parameter(operation: &Operation, name: &str) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == name))
}

fn put_header(response: &mut Response, name: &str, component: &str) {
    response.headers.entry(name.to_owned()).or_insert_with(|| RefOr::Ref(reference("headers", component)));
}

fn reference(kind: &str, name: &str) -> Ref {
    Ref::new(format!("#/components/{kind}/{name}"))
}

fn statuses() -> Vec<u16> {
    let mut statuses: Vec<u16> = CATALOGUE.iter().map(|entry| entry.status.as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

fn problem_name(status: u16) -> String {
    format!("Problem{status}")
}

fn problem_response(status: u16) -> Response {
    let codes = CATALOGUE.iter().filter(|entry| entry.status.as_u16() == status);
    let codes = codes.map(|entry| format!("[`{0}`](/docs/problems/{0})", entry.name)).collect::<Vec<_>>().join(", ");
    let mut response = Response::new(format!("A problem: {codes}."));
    let schema = RefOr::Ref(reference("schemas", "Problem"));
    response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(Content::new(Some(schema))));
    put_header(&mut response, "X-Request-Id", "RequestId");
    match status {
        401 => put_header(&mut response, "WWW-Authenticate", "Authenticate"),
        405 => put_header(&mut response, "Allow", "Allow"),
        503 => put_header(&mut response, "Retry-After", "RetryAfter"),
        _ => {}
    }
    response
}
