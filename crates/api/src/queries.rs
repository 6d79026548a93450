//! Asking a read model: waiting for the position that the client names, and what a query's refusal is called on the wire.

use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::Uri;
use axum::http::request::Parts;
use axum::response::Response;
use eventstore::Position;
use projections::{Definition, QueryError, Reflects};
use serde::Serialize;

use crate::answer::QueryAnswer;
use crate::app::App;
use crate::auth::Caller;
use crate::headers::QueryHeaders;
use crate::page::Page;
use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};

/// Everything about a query's request but its path and parameters.
#[derive(Debug)]
pub(crate) struct Inquiry {
    /// `None` on the routes that are open to anyone.
    pub(crate) caller: Option<Caller>,
    headers: QueryHeaders,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for Inquiry {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            caller: <Caller as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?,
            headers: QueryHeaders::from_request_parts(parts, state).await?,
            uri: parts.uri.clone(),
        })
    }
}

impl Inquiry {
    /// Waits until the read model reflects the position that the client wants to see. Never answers with less.
    pub(crate) async fn wait(&self, app: &App, projection: &'static Definition) -> Result<(), Problem> {
        let Some(wanted) = self.headers.min_position.position else { return Ok(()) };
        let head = self.head(app, wanted).await?;
        if wanted > head {
            return Err(Problem::new(Code::PositionBeyondHead).with("head", head));
        }
        let patience = self.headers.min_position.wait;
        app.shop.read_models.wait_for(&[projection], wanted, patience).await.map_err(|error| problem_of(&error))
    }

    /// The newest position that this node knows of; the book itself is asked only for one beyond it.
    async fn head(&self, app: &App, wanted: Position) -> Result<Position, Problem> {
        let known = app.shop.heads.newest();
        if wanted <= known {
            return Ok(known);
        }
        let head = app.shop.book.head().await.map_err(|error| Problem::new(Code::Unavailable).because(&error))?;
        Ok(head.point.position)
    }

    /// One thing, or a list of which the answer's position is the version.
    pub(crate) fn answer(
        self,
        body: impl Serialize,
        version: Option<i64>,
        reflects: Reflects,
    ) -> Result<Response, Problem> {
        let headers = self.headers;
        Ok(answer_with(&headers, body, version, reflects)?.render(&headers.if_none_match))
    }

    /// A page of a list, with the address of the next one.
    pub(crate) fn answer_page<T: Serialize>(self, page: Page<T>, reflects: Reflects) -> Result<Response, Problem> {
        let headers = self.headers;
        Ok(answer_with(&headers, page, None, reflects)?.render_page(&self.uri, &headers.if_none_match))
    }

    /// The same of a list that says more than its rows.
    pub(crate) fn answer_listing(
        self,
        body: impl Serialize,
        next_cursor: Option<&str>,
        reflects: Reflects,
    ) -> Result<Response, Problem> {
        let headers = self.headers;
        let answer = answer_with(&headers, body, None, reflects)?;
        Ok(answer.render_listing(next_cursor, &self.uri, &headers.if_none_match))
    }
}

/// After a crash of Postgres a read model may be behind what it was when it was waited for: that is never shown as if it were not.
fn answer_with<T: Serialize>(
    headers: &QueryHeaders,
    body: T,
    version: Option<i64>,
    reflects: Reflects,
) -> Result<QueryAnswer<T>, Problem> {
    let Reflects { position, lag_ms } = reflects;
    if headers.min_position.position.is_some_and(|wanted| wanted > position) {
        return Err(Problem::new(Code::ProjectionBehind).with("position", position));
    }
    let lag = Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0));
    Ok(QueryAnswer { body, version: version.unwrap_or(position.0), position, lag })
}

/// What was asked for is not there, as of the position that the client wanted to see.
pub(crate) fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}

pub(crate) fn problem_of(error: &QueryError) -> Problem {
    match error {
        #[cfg(feature = "planted-bugs")]
        QueryError::Database(_) if eventstore::planted::is("error-500") => Problem::internal(error),
        QueryError::Database(_) | QueryError::NotInstalled { .. } => Problem::new(Code::Unavailable).because(error),
        QueryError::UnusableValue(_) => Problem::new(Code::InvalidValue).detail("A parameter's value cannot be used."),
        QueryError::Incomplete { projection } => {
            Problem::new(Code::ProjectionIncomplete).with("projection", projection).because(error)
        }
        QueryError::Behind { reached, .. } => Problem::new(Code::ProjectionBehind).with("position", reached),
        QueryError::InvalidCursor => Problem::new(Code::InvalidCursor).at(
            Place::Parameter("cursor".to_owned()),
            FieldCode::Malformed,
            "is not one of this list",
        ),
    }
}
