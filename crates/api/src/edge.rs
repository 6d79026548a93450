//! What happens around every handler, in one layer: request id, authentication and the table of routes, the checks that a
//! method or a row asks for, the time limit, panics, problems rendered, metrics, the headers of every answer.
//!
//! One layer and not ten, because each costs an allocation and a virtual call a request. Everything before the handler is
//! synchronous, so a refused request never becomes a task of its own.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, IF_MATCH, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};

use crate::auth::Caller;
use crate::auth::access::Row;
use crate::auth::token::Authenticator;
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::metrics::{InFlight, RouteMetrics};
use crate::problem::{self, PROBLEM_JSON, Problem};
use crate::problems::Code;
use crate::request::{RequestContext, RequestId, X_REQUEST_ID};

/// From the request's head to the answer's head. A stream may run longer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static(X_REQUEST_ID);

/// One method of a path, as the edge sees it.
pub(crate) struct Guarded {
    pub(crate) row: &'static Row,
    /// The media types that the operation documents for its successes.
    pub(crate) produces: Vec<String>,
    pub(crate) metrics: RouteMetrics,
}

/// The layer around all methods of one path; around nothing in particular for what matches no path.
#[derive(Clone)]
pub(crate) struct Edge(Arc<Shared>);

struct Shared {
    auth: Arc<Authenticator>,
    methods: Vec<Guarded>,
    /// For requests that no row is for: unknown paths, and methods that the path does not take.
    unmatched: RouteMetrics,
    in_flight: InFlight,
}

impl Edge {
    pub(crate) fn new(auth: Arc<Authenticator>, methods: Vec<Guarded>) -> Self {
        Self(Arc::new(Shared { auth, methods, unmatched: RouteMetrics::unmatched(), in_flight: InFlight::new() }))
    }
}

impl<S> Layer<S> for Edge {
    type Service = EdgeService<S>;

    fn layer(&self, inner: S) -> EdgeService<S> {
        EdgeService { inner, shared: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub(crate) struct EdgeService<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request> for EdgeService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let passage = Passage::begin(&self.shared, &request);
        let handled = match passage.admit(&request) {
            Ok(context) => {
                if let Some(context) = context {
                    request.extensions_mut().insert(context);
                }
                Ok(self.inner.call(request))
            }
            Err(problem) => Err(problem),
        };
        Box::pin(async move {
            let response = match handled {
                Ok(handler) => run(handler, &passage).await,
                Err(problem) => problem.into_response(),
            };
            Ok(passage.end(response))
        })
    }
}

/// Runs the handler within its time and catches its panic.
async fn run<F>(handler: F, passage: &Passage) -> Response
where
    F: Future<Output = Result<Response, Infallible>>,
{
    match tokio::time::timeout(REQUEST_TIMEOUT, AssertUnwindSafe(handler).catch_unwind()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(panic)) => {
            let message = panic_message(&*panic);
            tracing::error!(request.id = %passage.request_id, route = passage.path(), panic = message, "a handler panicked");
            Problem::new(Code::InternalError).into_response()
        }
        Err(_) => Problem::new(Code::TimedOut).into_response(),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of another type than text")
}

/// One request on its way through. Dropped before its end when the client hangs up.
struct Passage {
    shared: Arc<Shared>,
    /// Into `shared.methods`.
    method: Option<usize>,
    request_id: RequestId,
    uri: Uri,
    /// Whether the answer is for anybody: asked without a token, and changing nothing.
    open: bool,
    started: Instant,
    ended: bool,
}

impl Passage {
    fn begin(shared: &Arc<Shared>, request: &Request) -> Self {
        shared.in_flight.increment();
        // axum answers HEAD with the handler of GET.
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let index = shared.methods.iter().position(|guarded| guarded.row.method == *method);
        let is_public = index.is_some_and(|index| shared.methods[index].row.is_public());
        Self {
            method: index,
            request_id: RequestId::accept_or_make(request.headers()),
            uri: request.uri().clone(),
            open: is_public && method == Method::GET && !request.headers().contains_key(AUTHORIZATION),
            started: Instant::now(),
            ended: false,
            shared: Arc::clone(shared),
        }
    }

    fn guarded(&self) -> Option<&Guarded> {
        self.method.map(|index| &self.shared.methods[index])
    }

    fn path(&self) -> &'static str {
        self.guarded().map_or("unmatched", |guarded| guarded.row.path)
    }

    fn metrics(&self) -> &RouteMetrics {
        self.guarded().map_or(&self.shared.unmatched, |guarded| &guarded.metrics)
    }

    /// Everything that may refuse a request before its handler sees it, in the order in which a client wants to know.
    fn admit(&self, request: &Request) -> Result<Option<RequestContext>, Problem> {
        let Some(guarded) = self.guarded() else { return Ok(None) };
        let (row, headers) = (guarded.row, request.headers());
        let caller = self.authorize(row, request)?;
        if let Some(accept) = headers.get(ACCEPT)
            && !guarded.produces.is_empty()
            && !accepts(accept, &guarded.produces)
        {
            return Err(Problem::new(Code::NotAcceptable).with("produces", &guarded.produces));
        }
        if row.method == Method::PATCH && !headers.contains_key(IF_MATCH) {
            return Err(Problem::new(Code::IfMatchRequired));
        }
        if row.key_required && !headers.contains_key(IDEMPOTENCY_KEY) {
            return Err(Problem::new(Code::IdempotencyKeyRequired));
        }
        Ok(Some(RequestContext { request_id: self.request_id, caller }))
    }

    fn authorize(&self, row: &'static Row, request: &Request) -> Result<Option<Caller>, Problem> {
        let Some(principal) = self.shared.auth.principal(request.headers())? else {
            return if row.is_public() { Ok(None) } else { Err(Problem::new(Code::TokenRequired)) };
        };
        match row.scope_for(principal.roles) {
            Some(scope) => Ok(Some(Caller::new(principal, scope))),
            None => Err(Problem::new(Code::PermissionDenied).with("permission", row.permission)),
        }
    }

    fn end(mut self, mut response: Response) -> Response {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            self.log(&problem);
            response = problem.render(self.request_id, self.uri.path());
        } else if is_foreign_error(&response) {
            response = problem::in_place_of(&response).render(self.request_id, self.uri.path());
        }
        self.put_headers(&mut response);
        self.ended = true;
        self.metrics().record(response.status(), self.started.elapsed());
        tracing::debug!(
            request.id = %self.request_id, route = self.path(), status = response.status().as_u16(),
            duration_us = self.started.elapsed().as_micros() as u64, "answered"
        );
        response
    }

    fn put_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = self.request_id.0.hyphenated().encode_lower(&mut buffer);
        headers.insert(REQUEST_ID_HEADER, HeaderValue::from_str(id).expect("a UUID is visible ASCII"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // What a token opened is stored nowhere; the rest may be kept, and must be asked about each time.
        headers
            .entry(CACHE_CONTROL)
            .or_insert_with(|| HeaderValue::from_static(if self.open { "no-cache" } else { "no-store" }));
    }

    fn log(&self, problem: &Problem) {
        let (code, cause) = (problem.code().name(), problem.cause());
        if problem.code() == Code::InternalError {
            tracing::error!(request.id = %self.request_id, route = self.path(), code, cause, "a request failed");
        } else if let Some(cause) = cause {
            tracing::warn!(request.id = %self.request_id, route = self.path(), code, cause, "a request was refused");
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.shared.in_flight.decrement();
        if !self.ended {
            self.metrics().record_abandoned();
        }
    }
}

/// An error that is not a problem yet: axum's own answers, and statuses set by hand.
fn is_foreign_error(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && response.headers().get(CONTENT_TYPE).is_none_or(|content_type| content_type != PROBLEM_JSON)
}

/// Whether `Accept` lets any of the media types through. A range that cannot be read lets nothing through.
fn accepts(accept: &HeaderValue, produces: &[String]) -> bool {
    let Ok(accept) = accept.to_str() else { return false };
    accept.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let refused = parts
            .any(|parameter| parameter.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0)));
        !refused && produces.iter().any(|media_type| covers(range, media_type))
    })
}

fn covers(range: &str, media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => essence.split_once('/').is_some_and(|(found, _)| found.eq_ignore_ascii_case(kind)),
        _ => range.eq_ignore_ascii_case(essence),
    }
}
