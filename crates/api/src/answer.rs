//! How a command and a query are answered: status, body, entity tag, position, and what was preferred.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, LINK, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use eventstore::event::Position;
use serde::Serialize;

use crate::etag::{ETag, IfNoneMatch};
use crate::page::{Page, next_link};
use crate::position::{DAYBOOK_LAG_MS, DAYBOOK_POSITION};
use crate::prefer::{PREFERENCE_APPLIED, Prefer};
use crate::problem::Problem;

pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a command is answered with once it is in the book.
///
/// ```text
/// CommandAnswer::new(version, position).created(format!("/v1/carts/{id}")).render(headers.prefer, || Cart::from(&state))
/// ```
#[derive(Debug)]
pub struct CommandAnswer {
    version: i64,
    position: Position,
    status: StatusCode,
    location: Option<String>,
    replayed: bool,
}

impl CommandAnswer {
    /// 200, with the version of what was commanded and the position that the book had reached.
    pub fn new(version: i64, position: Position) -> Self {
        Self { version, position, status: StatusCode::OK, location: None, replayed: false }
    }

    /// 201 and where the new thing is.
    #[must_use]
    pub fn created(self, location: impl Into<String>) -> Self {
        self.status(StatusCode::CREATED).location(location)
    }

    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn location(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Whether this is the stored answer of an earlier request with the same key.
    #[must_use]
    pub fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    /// The body is only made if the client wants one: `Prefer: return=minimal` gets 204 and the headers.
    pub fn render<T: Serialize>(self, prefer: Prefer, body: impl FnOnce() -> T) -> Response {
        let mut response = if prefer.minimal {
            let mut response = StatusCode::NO_CONTENT.into_response();
            let headers = response.headers_mut();
            headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
            headers.insert(ETAG, ETag::of_version(self.version).to_header());
            response
        } else {
            match serde_json::to_vec(&body()) {
                Ok(json) => {
                    let etag = ETag::of(self.version, &json);
                    json_response(self.status, &etag, json)
                }
                Err(error) => return Problem::internal(&error).into_response(),
            }
        };
        let headers = response.headers_mut();
        put_position(headers, self.position);
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            headers.insert(LOCATION, location);
        }
        if self.replayed {
            headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// What a query is answered with: the state of a view at a position, and how far that is behind the book.
#[derive(Debug)]
pub struct QueryAnswer<T> {
    pub body: T,
    /// The version of the thing asked for; of a list, the position.
    pub version: i64,
    pub position: Position,
    pub lag: Duration,
}

impl<T: Serialize> QueryAnswer<Page<T>> {
    /// A page of a list, with the address of the next one as a `Link`.
    pub fn render_page(self, uri: &Uri, if_none_match: &IfNoneMatch) -> Response {
        let next_cursor = self.body.next_cursor.clone();
        self.render_listing(next_cursor.as_deref(), uri, if_none_match)
    }
}

impl<T: Serialize> QueryAnswer<T> {
    /// A list with the address of its next page as a `Link`.
    pub fn render_listing(self, next_cursor: Option<&str>, uri: &Uri, if_none_match: &IfNoneMatch) -> Response {
        let link = next_link(next_cursor, uri).and_then(|link| HeaderValue::try_from(link).ok());
        let mut response = self.render(if_none_match);
        if let Some(link) = link {
            response.headers_mut().insert(LINK, link);
        }
        response
    }

    /// 200, or 304 to a client that has this very representation.
    pub fn render(self, if_none_match: &IfNoneMatch) -> Response {
        let json = match serde_json::to_vec(&self.body) {
            Ok(json) => json,
            Err(error) => return Problem::internal(&error).into_response(),
        };
        let etag = ETag::of(self.version, &json);
        let mut response = if if_none_match.has(&etag) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            response.headers_mut().insert(ETAG, etag.to_header());
            response
        } else {
            json_response(StatusCode::OK, &etag, json)
        };
        let headers = response.headers_mut();
        put_position(headers, self.position);
        headers.insert(DAYBOOK_LAG_MS, HeaderValue::from(u64::try_from(self.lag.as_millis()).unwrap_or(u64::MAX)));
        response
    }
}

fn json_response(status: StatusCode, etag: &ETag, json: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ETAG, etag.to_header());
    response
}

fn put_position(headers: &mut HeaderMap, position: Position) {
    headers.insert(DAYBOOK_POSITION, HeaderValue::from(position.0));
}
