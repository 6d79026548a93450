//! A stand-in for Stripe: a real HTTP server that keeps books of payment intents, with the shapes of Stripe's published
//! OpenAPI fixtures (`shapes.json`, from openapi/fixtures3.json of github.com/stripe/openapi, MIT), its idempotency keys and
//! its signed webhooks. And with everything that may go wrong on the way: an answer is lost, or is nonsense; a webhook
//! comes twice, late, in another order, or not at all.

mod books;
mod form;
mod tls;
mod webhooks;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use commands::clock::Clock;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::books::Books;
use self::tls::TlsListener;
pub use self::tls::{Authority, Certificate, Validity};
pub use self::webhooks::{Courier, Webhook};

pub const SECRET_KEY: &str = "sk_test_standin";
pub const WEBHOOK_SECRET: &str = "whsec_standin";

/// What goes wrong with the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// It is done, and the connection breaks.
    LostAfter,
    /// The connection breaks before anything is done.
    LostBefore,
    /// It is done, and answered with what is no JSON.
    Nonsense,
    /// It is done, and answered with JSON that is nothing of Stripe's.
    OtherJson,
    /// A proxy says that the server is away, in HTML.
    Html,
    /// It is done half, so that it is there, and 500 is the answer to this key from then on.
    InternalError,
    /// Nothing is done: 500 all the same, also for this key.
    InternalErrorBefore,
    /// It is done, and never answered.
    Silence,
    /// Too many requests: nothing is done.
    TooMany,
}

impl Mishap {
    /// All but the one that takes as long as a provider is waited for.
    pub const QUICK: [Self; 8] = [
        Self::LostAfter,
        Self::LostBefore,
        Self::Nonsense,
        Self::OtherJson,
        Self::Html,
        Self::InternalError,
        Self::InternalErrorBefore,
        Self::TooMany,
    ];
}

/// One request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// `POST /v1/payment_intents`
    pub what: String,
    pub key: Option<String>,
    pub body: String,
}

/// Lives until it is dropped.
#[derive(Debug)]
pub struct Stripe {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    books: Mutex<Books>,
    mishaps: Mutex<VecDeque<Mishap>>,
    heard: Mutex<Vec<Heard>>,
}

impl Stripe {
    /// With the time that its shop has.
    pub async fn open(clock: Clock) -> Self {
        let listener = listener().await;
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        Self::serve(clock, url, listener)
    }

    /// Over TLS, with this certificate.
    pub async fn open_over_tls(clock: Clock, certificate: Certificate) -> Self {
        let listener = TlsListener { listener: listener().await, certificate };
        let url = format!("https://{}", listener.local_addr().expect("it is bound"));
        Self::serve(clock, url, listener)
    }

    fn serve<L>(clock: Clock, url: String, listener: L) -> Self
    where
        L: Listener<Addr = SocketAddr>,
    {
        let books = Mutex::new(Books::new(clock));
        let shared = Arc::new(Shared { books, mishaps: Mutex::default(), heard: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let serving =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves until it is aborted") });
        Self { url, shared, serving }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Happens to the next request, after those that were planned before.
    pub fn plan(&self, mishap: Mishap) {
        self.shared.mishaps.lock().expect("nobody panics while holding it").push_back(mishap);
    }

    pub fn plan_nothing(&self) {
        self.shared.mishaps.lock().expect("nobody panics while holding it").clear();
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().expect("nobody panics while holding it").clone()
    }

    /// What was heard, in a word each, since it was last asked for.
    pub fn take_heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.heard.lock().expect("nobody panics while holding it"))
            .into_iter()
            .map(|heard| heard.what)
            .collect()
    }

    /// What was done, and not taken back, for a payment.
    pub fn intents_of(&self, payment_id: impl ToString) -> Vec<Value> {
        self.books().intents_of(&payment_id.to_string())
    }

    /// The webhooks that have become due since they were last taken.
    pub fn take_webhooks(&self) -> Vec<Webhook> {
        self.books().take_webhooks()
    }

    /// A day has passed: no key is known any more.
    pub fn forget_keys(&self) {
        self.books().keys.clear();
    }

    /// As if it had never been.
    pub fn forget(&self, intent: &str) {
        self.books().intents.remove(intent).expect("it was there");
    }

    /// Searches show nothing new.
    pub fn searches_lag(&self, lag: bool) {
        self.books().searches_lag = lag;
    }

    /// Another program of the same account opens a payment that bears this id of ours, and holds the money.
    pub fn open_by_hand(&self, payment_id: impl ToString, amount: i64) -> String {
        self.books().open_by_hand(&payment_id.to_string(), amount)
    }

    /// As many as come in a busy hour, of which none is ours.
    pub fn others(&self, count: usize) {
        for number in 0..count {
            self.open_by_hand(format!("other-{number}"), 100);
        }
        self.books().take_webhooks();
    }

    /// Somebody does it by hand, in Stripe's dashboard.
    pub fn by_hand(&self, what: &str, intent: &str, amount: Option<i64>) -> Value {
        self.books().by_hand(what, intent, amount)
    }

    /// The next refund is `pending` or `failed`, and not done at once.
    pub fn next_refund_is(&self, status: &'static str) {
        self.books().next_refund = Some(status);
    }

    /// The ids of all refunds, oldest first.
    pub fn refunds(&self) -> Vec<String> {
        self.books().refunds.keys().cloned().collect()
    }

    pub fn settle_refund(&self, refund: &str, status: &str) {
        self.books().settle_refund(refund, status);
    }

    /// The buyer has confirmed the payment with the bank.
    pub fn buyer_confirms(&self, intent: &str) {
        self.books().buyer_confirms(intent);
    }

    /// A bank wants money back. The dispute's id.
    pub fn dispute(&self, intent: &str, amount: i64) -> String {
        self.books().dispute(intent, amount)
    }

    /// `won` or `lost`.
    pub fn close_dispute(&self, dispute: &str, status: &str) {
        self.books().close_dispute(dispute, status);
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.shared.books.lock().expect("nobody panics while holding it")
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine")
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("idempotency-key").map(|key| key.to_str().expect("a key is ASCII").to_owned());
    let body = String::from_utf8(body.to_vec()).expect("a form is ASCII");
    let what = format!("{method} {}", uri.path());
    shared.heard.lock().expect("nobody panics while holding it").push(Heard {
        what,
        key: key.clone(),
        body: body.clone(),
    });
    let request = books::Request {
        is_post: method == Method::POST,
        path: uri.path().to_owned(),
        form: form::parse(if method == Method::POST { &body } else { uri.query().unwrap_or_default() }),
        key,
    };
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given != &format!("Bearer {SECRET_KEY}")) {
        return render(books::fault(401, "invalid_request_error", "invalid_api_key", "Invalid API Key provided"));
    }
    if request.is_post {
        assert_eq!(headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert!(request.key.is_some(), "a change without a key");
    }
    assert!(headers.contains_key("stripe-version"));
    let mishap = shared.mishaps.lock().expect("nobody panics while holding it").pop_front();
    go_wrong(&shared, request, mishap).await
}

async fn go_wrong(shared: &Shared, request: books::Request, mishap: Option<Mishap>) -> Response {
    let carry_out =
        |request: &books::Request| shared.books.lock().expect("nobody panics while holding it").handle(request);
    let internal = || books::fault(500, "api_error", "internal", "An error of ours");
    match mishap {
        None => render(carry_out(&request)),
        Some(Mishap::LostAfter) => {
            carry_out(&request);
            broken()
        }
        Some(Mishap::LostBefore) => broken(),
        Some(Mishap::Nonsense) => {
            carry_out(&request);
            (StatusCode::OK, "pi_3Nonsense;;;").into_response()
        }
        Some(Mishap::OtherJson) => {
            carry_out(&request);
            (StatusCode::OK, r#"{"object": "list", "data": 7}"#).into_response()
        }
        Some(Mishap::Html) => (
            StatusCode::BAD_GATEWAY,
            [(header::CONTENT_TYPE, "text/html")],
            "<html><body><h1>502 Bad Gateway</h1></body></html>",
        )
            .into_response(),
        Some(Mishap::InternalError) => {
            carry_out(&request);
            shared.books.lock().expect("nobody panics while holding it").answer_from_now_on(&request, internal());
            render(internal())
        }
        Some(Mishap::InternalErrorBefore) => {
            shared.books.lock().expect("nobody panics while holding it").answer_from_now_on(&request, internal());
            render(internal())
        }
        Some(Mishap::Silence) => {
            carry_out(&request);
            std::future::pending().await
        }
        Some(Mishap::TooMany) => render(books::fault(429, "invalid_request_error", "rate_limit", "Too many requests")),
    }
}

fn render((status, body): (u16, Value)) -> Response {
    let status = StatusCode::from_u16(status).expect("it is written here");
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// The connection ends in the middle of the body.
fn broken() -> Response {
    let cut = futures_util::stream::iter([Ok(Bytes::from_static(b"{\"id\": \"pi_")), Err(io::Error::other("cut"))]);
    Response::new(Body::from_stream(cut))
}
