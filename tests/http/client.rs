//! Somebody who asks, and their requests. Every answer is judged by the OpenAPI document before the test sees it.

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Method, Request as HttpRequest, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::{answer::Answer, contract::CONTRACT, shop::Shop};

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) shop: Shop,
    token: Option<String>,
    /// Whom the token speaks for.
    pub(crate) id: Uuid,
}

impl Client {
    pub(crate) fn new(shop: Shop, token: Option<String>, id: Uuid) -> Self {
        Self { shop, token, id }
    }

    #[track_caller]
    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("whoever asks without a token has none")
    }

    pub(crate) fn request(&self, method: Method, path: impl Into<String>) -> Request {
        let request =
            Request { shop: self.shop.clone(), method, path: path.into(), headers: Vec::new(), body: Bytes::new() };
        match &self.token {
            Some(token) => request.header("authorization", &format!("Bearer {token}")),
            None => request,
        }
    }

    pub(crate) fn get(&self, path: impl Into<String>) -> Request {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: impl Into<String>) -> Request {
        self.request(Method::POST, path)
    }

    pub(crate) fn put(&self, path: impl Into<String>) -> Request {
        self.request(Method::PUT, path)
    }

    pub(crate) fn patch(&self, path: impl Into<String>) -> Request {
        self.request(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: impl Into<String>) -> Request {
        self.request(Method::DELETE, path)
    }
}

#[derive(Clone)]
pub(crate) struct Request {
    shop: Shop,
    method: Method,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Request {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        self
    }

    pub(crate) fn json(self, body: Value) -> Self {
        self.text(body.to_string())
    }

    /// Said to be JSON, whatever it is.
    pub(crate) fn text(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.header("content-type", "application/json") }
    }

    /// Of no type.
    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Under a key that nobody used before.
    pub(crate) fn keyed(self) -> Self {
        self.key(&Uuid::now_v7().to_string())
    }

    pub(crate) fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// Only if nothing has changed since this answer.
    pub(crate) fn if_still(self, answer: &Answer) -> Self {
        self.if_match(answer.etag())
    }

    pub(crate) fn minimal(self) -> Self {
        self.header("prefer", "return=minimal")
    }

    /// From a view that reflects this position.
    pub(crate) fn at(self, position: i64) -> Self {
        self.header("daybook-min-position", &position.to_string()).header("prefer", "wait=5")
    }

    /// From a view that reflects what this answer says.
    pub(crate) fn after(self, answer: &Answer) -> Self {
        self.at(answer.position())
    }

    pub(crate) async fn send(self) -> Answer {
        let Self { shop, method, path, headers, body } = self;
        let mut request =
            HttpRequest::builder().method(method.clone()).uri(&path).body(Body::from(body.clone())).unwrap();
        let content_type =
            headers.iter().find(|(name, _)| name == header::CONTENT_TYPE).map(|(_, value)| value.clone());
        for (name, value) in headers {
            request.headers_mut().append(name, value);
        }
        let response = shop.router().oneshot(request).await.unwrap();
        let (parts, content) = response.into_parts();
        let bytes = content.collect().await.unwrap().to_bytes();
        let is_json = parts.headers.get("content-type").is_some_and(|kind| kind.to_str().unwrap().ends_with("json"));
        let body_read = if is_json { serde_json::from_slice(&bytes).unwrap() } else { Value::Null };
        let answer = Answer { status: parts.status.as_u16(), headers: parts.headers, bytes, body: body_read };
        CONTRACT.judge(&method, &path, &answer);
        if answer.status < 300 {
            let content_type = content_type.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            CONTRACT.judge_request(&method, &path, &content_type, &body);
        }
        answer
    }

    pub(crate) async fn answers(self, status: u16) -> Answer {
        let at = format!("{} {}", self.method, self.path);
        let answer = self.send().await;
        assert_eq!(answer.status, status, "{at}: {}", answer.text());
        answer
    }

    /// With this problem, and nothing is appended to the book.
    pub(crate) async fn refused_as(self, code: &str) -> Answer {
        let (shop, head) = (self.shop.clone(), self.shop.head().await);
        let at = format!("{} {}", self.method, self.path);
        let answer = self.send().await;
        assert_eq!(answer["code"], code, "{at}: {}", answer.text());
        let appended = shop.types_since(head).await;
        assert!(appended.is_empty(), "{at} is refused and leaves {appended:?}");
        answer.has_code(code)
    }
}
