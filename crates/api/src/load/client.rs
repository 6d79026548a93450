//! One shopper's HTTP/1.1 connection, kept alive: sends a request until its outcome is known, or may not be asked for again.
//!
//! It shares two cores with the server that it loads, so it holds one connection, reads the few headers it needs, and
//! parses a body only where somebody asks for it. Knows problems by their code, and nothing of carts or orders.

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::endpoint::Endpoint;
use super::tally::Tally;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MIN_POSITION: HeaderName = HeaderName::from_static("daybook-min-position");
const POSITION: HeaderName = HeaderName::from_static("daybook-position");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const MINIMAL: HeaderValue = HeaderValue::from_static("return=minimal");
const WAIT: HeaderValue = HeaderValue::from_static("wait=5");

/// The server answers within 30 s; what takes longer was lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);
/// Long enough for a request to leave, and as a rule too short for its answer.
const HANG_UP_AFTER: Duration = Duration::from_millis(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A server that restarts is back within a minute; one that is not is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A page of 200 orders of a thousand lines stays far below.
const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Problems of which the catalogue says that nothing was done, and that it may go better later.
const NOTHING_DONE: [&str; 6] =
    ["overloaded", "not_ready", "conflict", "request_timeout", "rate_limited", "projection_behind"];
/// Problems that leave open whether it was done.
const UNKNOWN_OUTCOME: [&str; 3] = ["unavailable", "timed_out", "idempotency_key_in_flight"];

/// What is asked of the server.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) bearer: Option<&'a HeaderValue>,
    pub(super) body: Bytes,
    pub(super) repeat: Repeat<'a>,
}

/// Whether a request whose answer was lost may be sent again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Repeat<'a> {
    /// The server knows a repeat by this key.
    Keyed(&'a HeaderValue),
    /// Doing it twice is the same as doing it once.
    Harmless,
    /// It would take effect twice.
    Never,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) location: Option<HeaderValue>,
    pub(super) body: Bytes,
}

/// No success. Nothing here is the load's to repair: a shopper gives up a cart, or the load ends.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{path} was refused with {status} {code}")]
    Refused { path: String, status: StatusCode, code: Box<str>, body: Bytes },
    #[error("what became of {path} is unknown")]
    Unknown { path: String, source: Option<Lost> },
    #[error("the answer to {path} names no location")]
    NoLocation { path: String },
    #[error("the answer to {path} is not of the expected shape")]
    Foreign { path: String, source: serde_json::Error },
}

impl Failure {
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unknown { .. } => "unknown",
            Self::Foreign { .. } | Self::NoLocation { .. } => "foreign_answer",
        }
    }

    /// Whether it was refused for the state that something is in.
    pub(super) fn is_for_state(&self, state: &str) -> bool {
        let Self::Refused { body, .. } = self else { return false };
        serde_json::from_slice(body).is_ok_and(|refused: RefusedIn| &*refused.current_state == state)
    }
}

#[derive(Deserialize)]
struct RefusedIn {
    current_state: Box<str>,
}

/// An answer that did not come.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    #[error("the answer could not be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer in time")]
    TimedOut,
}

#[derive(Deserialize)]
struct Problem {
    code: Box<str>,
}

pub(super) struct Client {
    endpoint: Endpoint,
    host: HeaderValue,
    connection: Option<SendRequest<Full<Bytes>>>,
    pub(super) tally: Tally,
}

impl Client {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let host = HeaderValue::from_str(endpoint.authority()).expect("a parsed authority is a header value");
        Self { endpoint: endpoint.clone(), host, connection: None, tally: Tally::default() }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a command, asks for no representation, and counts what becomes of it.
    pub(super) async fn command(&mut self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let outcome = self.until_definite(ask, &[(PREFER, MINIMAL)]).await;
        match &outcome {
            Ok(_) => self.tally.accept(begun.elapsed()),
            Err(Failure::Refused { code, .. }) => self.tally.refuse(code, begun.elapsed()),
            Err(_) => self.tally.unknown += 1,
        }
        outcome
    }

    /// Sends a command and hangs up before it is answered. What becomes of it is for a repeat under its key to find out.
    pub(super) async fn hang_up(&mut self, ask: &Ask<'_>) {
        let Ok(mut connection) = self.connect().await else { return };
        let request = self.request(ask, &[(PREFER, MINIMAL)]);
        let sent = async {
            if connection.ready().await.is_ok() {
                drop(connection.send_request(request).await);
            }
        };
        let _answered_already = timeout(HANG_UP_AFTER, sent).await;
    }

    /// Reads, as of a position at least. Not counted.
    pub(super) async fn read<T: DeserializeOwned>(
        &mut self,
        path: &str,
        bearer: &HeaderValue,
        at_least: i64,
    ) -> Result<T, Failure> {
        let (method, body) = (Method::GET, Bytes::new());
        let ask = Ask { method, path, bearer: Some(bearer), body, repeat: Repeat::Harmless };
        let answer = self.until_definite(&ask, &[(PREFER, WAIT), (MIN_POSITION, HeaderValue::from(at_least))]).await?;
        parse(path, &answer.body)
    }

    /// Asks for a representation. Not counted.
    pub(super) async fn exchange<T: DeserializeOwned>(&mut self, ask: &Ask<'_>) -> Result<T, Failure> {
        let answer = self.until_definite(ask, &[]).await?;
        parse(ask.path, &answer.body)
    }

    async fn until_definite(&mut self, ask: &Ask<'_>, extra: &[(HeaderName, HeaderValue)]) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            let (failure, nothing_done, wait) = match self.once(ask, extra).await {
                Ok(Outcome::Done(answer)) => return Ok(answer),
                Ok(Outcome::Refused(failure)) => return Err(failure),
                Ok(Outcome::Later { failure, nothing_done, wait }) => (failure, nothing_done, wait),
                Err(lost) => (Failure::Unknown { path: ask.path.to_owned(), source: Some(lost) }, false, None),
            };
            let may_repeat = nothing_done || !matches!(ask.repeat, Repeat::Never);
            if !may_repeat || begun.elapsed() > PATIENCE {
                return Err(failure);
            }
            self.tally.repeats += 1;
            sleep(wait.unwrap_or(pause).min(PAUSE_MAX)).await;
            pause *= 2;
        }
    }

    /// One sending. After anything but a whole answer the connection is not used again.
    async fn once(&mut self, ask: &Ask<'_>, extra: &[(HeaderName, HeaderValue)]) -> Result<Outcome, Lost> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        let request = self.request(ask, extra);
        let exchange = async {
            connection.ready().await.map_err(Lost::Broken)?;
            receive(connection.send_request(request).await.map_err(Lost::Broken)?).await
        };
        let received = timeout(ANSWER_WITHIN, exchange).await.map_err(|_| Lost::TimedOut)??;
        self.connection = Some(connection);
        if let Some(position) = received.number(&POSITION) {
            self.tally.position = self.tally.position.max(position);
        }
        Ok(received.outcome(ask))
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Lost> {
        let connecting = async {
            let stream = TcpStream::connect(self.endpoint.authority()).await.map_err(Lost::Connect)?;
            stream.set_nodelay(true).map_err(Lost::Connect)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(Lost::Broken)
        };
        let (sender, connection) = timeout(CONNECT_WITHIN, connecting).await.map_err(|_| Lost::TimedOut)??;
        // It ends with the sender. What breaks it is seen by the request that it breaks.
        tokio::spawn(async { drop(connection.await) });
        Ok(sender)
    }

    fn request(&self, ask: &Ask<'_>, extra: &[(HeaderName, HeaderValue)]) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = ask.path.parse().expect("paths are made of ids, SKUs and constants");
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        if let Some(bearer) = ask.bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        if !ask.body.is_empty() {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Repeat::Keyed(key) = ask.repeat {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        headers.extend(extra.iter().cloned());
        request
    }
}

/// What one sending came to.
enum Outcome {
    Done(Answer),
    Refused(Failure),
    /// Not now: whether it may be sent again depends on whether nothing has been done.
    Later {
        failure: Failure,
        nothing_done: bool,
        wait: Option<Duration>,
    },
}

struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn parse<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|source| Failure::Foreign { path: path.to_owned(), source })
}

async fn receive(response: Response<Incoming>) -> Result<Received, Lost> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(Lost::Body)?.to_bytes();
    Ok(Received { status: head.status, headers: head.headers, body })
}

impl Received {
    fn outcome(self, ask: &Ask<'_>) -> Outcome {
        if self.status.is_success() {
            return Outcome::Done(Answer { location: self.headers.get(LOCATION).cloned(), body: self.body });
        }
        let problem: Result<Problem, _> = serde_json::from_slice(&self.body);
        let code = problem.map_or_else(|_| format!("status_{}", self.status.as_u16()).into(), |problem| problem.code);
        let nothing_done = NOTHING_DONE.contains(&&*code);
        let later = nothing_done
            || UNKNOWN_OUTCOME.contains(&&*code)
            || self.status.is_server_error() && code.starts_with("status_");
        let wait = self.number(&RETRY_AFTER).and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        let path = ask.path.to_owned();
        if !later {
            return Outcome::Refused(Failure::Refused { path, status: self.status, code, body: self.body });
        }
        let failure = if nothing_done {
            Failure::Refused { path, status: self.status, code, body: self.body }
        } else {
            Failure::Unknown { path, source: None }
        };
        Outcome::Later { failure, nothing_done, wait }
    }

    fn number(&self, header: &HeaderName) -> Option<i64> {
        self.headers.get(header)?.to_str().ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests;
