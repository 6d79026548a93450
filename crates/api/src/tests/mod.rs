//! The real router and the real edge without a socket, over routes that exist for the tests alone.

mod access;
mod answers;
mod bodies;
mod documents;
mod parameters;
mod problems;
mod routes;
mod sockets;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Role;
use crate::auth::keys::{KeyRing, Realm};
use crate::auth::signing::{AUDIENCE, Grant, TokenSigner, open_or_create_dev_key};
use crate::auth::token::Authenticator;
use crate::health::Health;
use crate::node::Shop;
use domain::money::Currency;

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

/// A folder of one test, gone with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("daybook-api-{}", Uuid::now_v7()));
        std::fs::create_dir(&path).expect("the folder is new");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn realm() -> Realm {
    Realm { issuer: "https://id.example".to_owned(), audience: AUDIENCE.to_owned() }
}

fn signer() -> TokenSigner {
    let folder = Folder::new();
    open_or_create_dev_key(&folder.0).expect("the folder is writable")
}

fn authenticator(signer: TokenSigner) -> Arc<Authenticator> {
    let mut keys = KeyRing::default();
    keys.add(signer.verifying_key()).expect("the only key");
    Arc::new(Authenticator::new(keys, Some(signer)))
}

/// A client of one router.
struct Client {
    router: Router,
    auth: Arc<Authenticator>,
    health: Health,
}

impl Client {
    /// Of the routes of [`routes`].
    fn of_test_routes() -> Self {
        let auth = authenticator(signer());
        let health = Health::default();
        let app = App::new(Arc::clone(&auth), health.clone(), CancellationToken::new(), Shop::closed(), Currency::GBP);
        Self { router: routes::router(app), auth, health }
    }

    /// Of the routes that are served to everybody.
    fn of_api() -> Self {
        let auth = authenticator(signer());
        let health = Health::default();
        let app = App::new(Arc::clone(&auth), health.clone(), CancellationToken::new(), Shop::closed(), Currency::GBP);
        Self { router: crate::router::build(app), auth, health }
    }

    fn token(&self, role: Role, subject: Uuid) -> String {
        self.auth.signer().expect("made with one").sign(Grant { subject, role, guest: false, lifetime: HOUR })
    }

    fn as_role(&self, role: Role, method: Method, path: &str) -> RequestToSend<'_> {
        let request = self.request(method, path);
        let token = self.token(role, Uuid::now_v7());
        request.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    fn request(&self, method: Method, path: &str) -> RequestToSend<'_> {
        RequestToSend { client: self, builder: Request::builder().method(method).uri(path), body: Body::empty() }
    }

    fn get(&self, path: &str) -> RequestToSend<'_> {
        self.request(Method::GET, path)
    }
}

struct RequestToSend<'c> {
    client: &'c Client,
    builder: axum::http::request::Builder,
    body: Body,
}

impl RequestToSend<'_> {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    fn json(self, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self.header("content-type", "application/json") }
    }

    fn body(self, body: impl Into<Body>) -> Self {
        Self { body: body.into(), ..self }
    }

    async fn send(self) -> Reply {
        let request = self.builder.body(self.body).expect("the request is well-formed");
        let response = self.client.router.clone().oneshot(request).await.expect("a router cannot fail");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body is in memory").to_bytes();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }
}

#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// The reply is this problem, whole and consistent.
    #[track_caller]
    fn is_problem(&self, code: crate::problems::Code) -> Value {
        let body = self.json();
        assert_eq!(body["code"], code.name(), "{body:#}");
        assert_eq!(self.status, code.status(), "{body:#}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["type"], format!("/docs/problems/{}", code.name()));
        assert_eq!(body["status"], code.status().as_u16());
        assert_eq!(body["title"], code.entry().title);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body:#}");
        assert!(body["instance"].as_str().is_some_and(|path| path.starts_with('/')), "{body:#}");
        body
    }

    /// The problem names exactly one place and what is wrong there.
    #[track_caller]
    fn is_problem_at(&self, code: crate::problems::Code, place: (&str, &str), field_code: &str) {
        let body = self.is_problem(code);
        assert_eq!(body["errors"].as_array().map(Vec::len), Some(1), "{body:#}");
        assert_eq!(body["errors"][0][place.0], place.1, "{body:#}");
        assert_eq!(body["errors"][0]["code"], field_code, "{body:#}");
    }
}
