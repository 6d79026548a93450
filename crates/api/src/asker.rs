//! From a request to a command and back: who asks, under which key, having seen which version, and what a refusal is called.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::Utc;
use commands::command::{Actor, Answer, Causation, CommandError, Envelope, Key};
use commands::use_case::UseCase;
use domain::ids::CustomerId;
use eventstore::event::StreamId;

use crate::app::App;
use crate::auth::{Caller, Role};
use crate::idempotency::Idempotency;
use crate::prefer::Prefer;
use crate::problem::Problem;
use crate::rejected::problem_of;
use crate::request::{RequestId, TraceParent};

/// How long a client's key is kept.
const KEY_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Everything about a command's request but its path and body.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) caller: Caller,
    pub(crate) prefer: Prefer,
    request_id: RequestId,
    traceparent: TraceParent,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self {
            caller: <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?,
            prefer: Prefer::of(&parts.headers),
            request_id: RequestId::from_request_parts(parts, state).await?,
            traceparent: TraceParent::from_request_parts(parts, state).await?,
        })
    }
}

impl Asker {
    /// Whose things the command may touch; `None` for all.
    pub(crate) fn owner(&self) -> Option<CustomerId> {
        self.caller.only_own().map(CustomerId::from_uuid)
    }

    /// `expected`: the version that the client saw of a stream, from `If-Match`.
    pub(crate) async fn run<U: UseCase>(
        &self,
        app: &App,
        use_case: U,
        idempotency: Option<Idempotency>,
        expected: Option<(StreamId, i64)>,
    ) -> Result<Answer<U::Outcome>, Problem> {
        self.try_to(app, use_case, idempotency, expected).await.map_err(|error| problem_of(&error))
    }

    /// The same for a route that has more to say about a refusal.
    pub(crate) async fn try_to<U: UseCase>(
        &self,
        app: &App,
        use_case: U,
        idempotency: Option<Idempotency>,
        expected: Option<(StreamId, i64)>,
    ) -> Result<Answer<U::Outcome>, CommandError> {
        let envelope = Envelope {
            actor: self.actor(),
            correlation_id: self.request_id.0,
            causation: Causation::Request(self.request_id.to_string()),
            traceparent: Some(self.traceparent.to_string()),
            key: idempotency.map(|idempotency| self.key(idempotency)),
            expected,
        };
        app.shop.commands.run(use_case, envelope).await
    }

    fn actor(&self) -> Actor {
        let id = self.caller.subject();
        if self.caller.has_role(Role::Staff) || self.caller.has_role(Role::Admin) {
            Actor::Staff { id }
        } else if self.caller.has_role(Role::Service) {
            Actor::Service { id }
        } else {
            Actor::Customer { id }
        }
    }

    fn key(&self, idempotency: Idempotency) -> Key {
        Key {
            scope: self.caller.subject().to_string(),
            key: idempotency.key.as_str().to_owned(),
            fingerprint: idempotency.fingerprint.0,
            expires_at: Some(Utc::now() + KEY_LIFETIME),
        }
    }
}
