//! A client of the API: one connection, kept alive; every sending and what came of it goes into the history.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HOST, HeaderMap, LOCATION},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    bank::Bank,
    history::{Answer, Command, History, Outcome, Record},
    rng::Rng,
};

/// The server answers within 30 s; what takes longer was lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
const PAUSE_MIN: Duration = Duration::from_millis(30);
const PAUSE_MAX: Duration = Duration::from_millis(500);
const BODY_BYTES_MAX: usize = 1 << 20;
/// As much of a body as the history keeps.
const BODY_KEPT_BYTES: usize = 4_096;

/// Problems of which the catalogue says that nothing was done: the same request may be sent again, under any key.
const NOTHING_DONE: [&str; 6] =
    ["overloaded", "not_ready", "conflict", "request_timeout", "rate_limited", "projection_behind"];

/// Where the nodes are, and what they are asked with. Shared by every client of a run.
pub(crate) struct Site {
    pub(crate) ports: Vec<u16>,
    pub(crate) history: Arc<History>,
    /// Where Stripe carries the payments.
    pub(crate) bank: Option<Arc<Bank>>,
}

pub(crate) struct Client {
    site: Arc<Site>,
    node: usize,
    bearer: String,
    connection: Option<SendRequest<Full<Bytes>>>,
    rng: Rng,
}

impl Client {
    pub(crate) fn new(site: Arc<Site>, node: usize, token: &str, rng: Rng) -> Self {
        let node = node % site.ports.len();
        Self { site, node, bearer: format!("Bearer {token}"), connection: None, rng }
    }

    /// Sends until the outcome is definite, each time with the same key, or until patience ends. The next sending may go to
    /// another node. The record is that of the last sending.
    pub(crate) async fn settle(&mut self, command: &Command, key: Option<&str>, patience: Duration) -> Record {
        let began = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            let record = self.send(command, key).await;
            let again = record.outcome == Outcome::Info
                || record.answer.code.as_deref().is_some_and(|code| NOTHING_DONE.contains(&code));
            if !again || began.elapsed() >= patience {
                return record;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            self.turn_to(self.node + 1);
        }
    }

    /// Another stream of request ids, for one of several clients with one name.
    pub(crate) fn reseed(&mut self, rng: Rng) {
        self.rng = rng;
    }

    /// Sends and, after a while, breaks the connection with a reset, whether or not an answer is on its way.
    pub(crate) async fn hang_up(&mut self, command: &Command, key: Option<&str>, after: Duration) {
        let (op, t_invoke) = (self.rng.uuid(), self.site.history.now());
        let request = raw(&self.request(command, key, op));
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.site.ports[self.node])).await {
            // Reset or not, it is hung up: a connection that is broken already is what is wanted.
            let _sent = stream.write_all(request.as_bytes()).await;
            sleep(after).await;
            let _reset = stream.set_zero_linger();
        }
        let answer = Answer { lost: Some("hung up".to_owned()), ..Answer::default() };
        let (t_return, node, key) = (self.site.history.now(), self.node, key.map(str::to_owned));
        let (command, outcome) = (command.clone(), Outcome::Info);
        self.site.history.push(Record { op, key, command, t_invoke, t_return, outcome, status: None, answer, node });
    }

    pub(crate) fn turn_to(&mut self, node: usize) {
        let node = node % self.site.ports.len();
        if node != self.node {
            self.node = node;
            self.connection = None;
        }
    }

    /// One sending.
    pub(crate) async fn send(&mut self, command: &Command, key: Option<&str>) -> Record {
        let (op, t_invoke) = (self.rng.uuid(), self.site.history.now());
        let request = self.request(command, key, op);
        let (outcome, status, answer) = match timeout(ANSWER_WITHIN, self.exchange(request)).await {
            Ok(Ok((status, answer))) => (outcome_of(status, &answer), Some(status.as_u16()), answer),
            Ok(Err(lost)) => (Outcome::Info, None, Answer { lost: Some(lost), ..Answer::default() }),
            Err(_) => (Outcome::Info, None, Answer { lost: Some("no answer in time".to_owned()), ..Answer::default() }),
        };
        let (t_return, node) = (self.site.history.now(), self.node);
        let key = key.map(str::to_owned);
        let record = Record { op, key, command: command.clone(), t_invoke, t_return, outcome, status, answer, node };
        self.site.history.push(record.clone());
        record
    }

    fn request(&self, command: &Command, key: Option<&str>, op: uuid::Uuid) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(command.method)
            .uri(&command.path)
            .header(HOST, "daybook")
            .header(AUTHORIZATION, &self.bearer)
            .header("x-request-id", op.hyphenated().to_string());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(signature) = &command.signature {
            request = request.header("stripe-signature", signature);
        }
        if let Some(position) = command.min_position {
            request = request.header("daybook-min-position", position).header("prefer", "wait=2");
        }
        if !command.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::new(Bytes::from(command.body.clone())))
            .expect("methods, paths and keys are the harness's own")
    }

    /// After anything but a whole answer the connection is not used again.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Answer), String> {
        let mut connection = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => self.connect().await?,
        };
        connection.ready().await.map_err(|error| format!("no connection: {error}"))?;
        let response = connection.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let answer = read(response).await?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let connecting = async {
            let stream = TcpStream::connect(("127.0.0.1", self.site.ports[self.node])).await?;
            stream.set_nodelay(true)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)
        };
        let connected = timeout(CONNECT_WITHIN, connecting).await.map_err(|_| "no connection in time".to_owned())?;
        let (sender, connection) = connected.map_err(|error| format!("no connection: {error}"))?;
        // It ends with the sender; what breaks it is seen by the request that it breaks.
        tokio::spawn(async { drop(connection.await) });
        Ok(sender)
    }
}

/// As it goes over the wire.
fn raw(request: &Request<Full<Bytes>>) -> String {
    let headers =
        request.headers().iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    let body = request.body().clone().into_inner().unwrap_or_default();
    let head: String = headers.collect();
    let length = body.len();
    let body = String::from_utf8_lossy(&body);
    format!("{} {} HTTP/1.1\r\n{head}content-length: {length}\r\n\r\n{body}", request.method(), request.uri())
}

async fn read(response: Response<Incoming>) -> Result<(StatusCode, Answer), String> {
    let (head, body) = response.into_parts();
    let body =
        Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| format!("half an answer: {error}"))?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let text = |name: &str| text_of(&head.headers, name);
    let problem: Option<serde_json::Value> = serde_json::from_str(&body).ok();
    let code =
        problem.filter(|_| !head.status.is_success()).and_then(|problem| Some(problem["code"].as_str()?.to_owned()));
    let answer = Answer {
        position: text("daybook-position").and_then(|position| position.parse().ok()),
        version: text(ETAG.as_str()).and_then(|tag| version_of(&tag)),
        location: text(LOCATION.as_str()),
        replayed: text("idempotent-replayed").is_some(),
        retry_after: text("retry-after").is_some(),
        content_type: text(CONTENT_TYPE.as_str()),
        code,
        body: body.chars().take(BODY_KEPT_BYTES).collect(),
        lost: None,
    };
    Ok((head.status, answer))
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Of an entity tag, `"<version>-<hash>"`.
fn version_of(tag: &str) -> Option<i64> {
    tag.trim_matches('"').split('-').next()?.parse().ok()
}

/// A 5xx leaves it open, unless its code says that nothing was done.
fn outcome_of(status: StatusCode, answer: &Answer) -> Outcome {
    let nothing_done = answer.code.as_deref().is_some_and(|code| NOTHING_DONE.contains(&code));
    match status {
        status if status.is_success() => Outcome::Ok,
        status if status.is_client_error() => Outcome::Fail,
        _ if nothing_done => Outcome::Fail,
        _ => Outcome::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_leaves_it_open_is_never_a_failure() {
        let with = |code: &str| Answer { code: Some(code.to_owned()), ..Answer::default() };
        assert_eq!(outcome_of(StatusCode::SERVICE_UNAVAILABLE, &with("unavailable")), Outcome::Info);
        assert_eq!(outcome_of(StatusCode::GATEWAY_TIMEOUT, &with("timed_out")), Outcome::Info);
        assert_eq!(outcome_of(StatusCode::SERVICE_UNAVAILABLE, &with("overloaded")), Outcome::Fail);
        assert_eq!(outcome_of(StatusCode::CONFLICT, &with("illegal_transition")), Outcome::Fail);
        assert_eq!(outcome_of(StatusCode::CREATED, &Answer::default()), Outcome::Ok);
    }

    #[test]
    fn a_tag_begins_with_the_version() {
        assert_eq!(version_of("\"7-0123abcd\""), Some(7));
        assert_eq!(version_of("\"12\""), Some(12));
    }
}
