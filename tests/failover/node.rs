//! A whole node, as `daybook serve` runs it, and what it says over HTTP.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api::{
    app::App,
    auth::{
        Role,
        keys::KeyRing,
        signing::{Grant, TokenSigner, open_or_create_dev_key},
        token::Authenticator,
    },
    config::{Duty, POOL_CONNECTIONS},
    health::Health,
    node::{Node, NodeParts},
};
use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use commands::{executor::Commands, vault::MasterKey};
use domain::money::Currency;
use eventstore::{Position, publisher::PublisherConfig};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use support::scratch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

/// Longer than anything takes that goes well, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct WholeNode {
    node: Node,
    router: Router,
    token: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) body: Value,
}

impl WholeNode {
    /// Every role, the publisher where there is a Kafka for it.
    pub(super) async fn start(database: PgConnectOptions, publisher: Option<PublisherConfig>) -> Self {
        let duties = vec![Duty::Api, Duty::Projector, Duty::Processes, Duty::Publisher];
        let master_key = MasterKey::new("test".to_owned(), [7; 32]);
        let health = Health::default();
        let node = Node::start(
            NodeParts { database, pool_connections: POOL_CONNECTIONS, duties, master_key, publisher },
            &health,
        )
        .await
        .unwrap();
        let (auth, token) = authenticator();
        let app = App::new(auth, health, CancellationToken::new(), node.shop().clone(), Currency::GBP);
        Self { router: api::router::build(app), node, token }
    }

    pub(super) fn commands(&self) -> &Commands {
        &self.node.shop().commands
    }

    pub(super) fn book(&self) -> &eventstore::Book {
        &self.node.shop().book
    }

    pub(super) async fn stop(self) {
        let Self { node, router, .. } = self;
        // It holds the executor open.
        drop(router);
        node.stop().await;
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// As somebody of the staff.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response: Response<_> = self.router.clone().oneshot(request).await.unwrap();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, retry_after, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// What readiness says of this part: whether it is well, and why.
    pub(super) async fn check(&self, name: &str) -> (bool, String) {
        let body = self.get("/health/ready").await.body;
        let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).cloned();
        let check = check.unwrap_or_else(|| panic!("no check {name} in {body}"));
        (check["ready"].as_bool().unwrap(), check["detail"].as_str().unwrap().to_owned())
    }

    /// Until readiness says this of a part.
    pub(super) async fn until_check(&self, name: &str, ready: bool, detail: &str) {
        let began = Instant::now();
        loop {
            let (is_ready, says) = self.check(name).await;
            if is_ready == ready && says.contains(detail) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{name} is {is_ready}: {says}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Until every read model reflects this position.
    pub(super) async fn until_at(&self, position: Position) {
        let all = projections::ALL.map(|projection| projection.definition());
        self.node.shop().read_models.wait_for(&all, position, PATIENCE).await.unwrap();
    }

    /// Every part that this node has.
    pub(super) async fn until_ready(&self) {
        for part in ["book", "projections", "processes", "publisher"] {
            self.until_check(part, true, "").await;
        }
    }
}

fn authenticator() -> (Arc<Authenticator>, String) {
    let folder = scratch::folder("signing");
    let signer: TokenSigner = open_or_create_dev_key(folder.path()).unwrap();
    let lifetime = Duration::from_secs(3_600);
    let token = signer.sign(Grant { subject: Uuid::now_v7(), role: Role::Staff, guest: false, lifetime });
    let mut keys = KeyRing::default();
    keys.add(signer.verifying_key()).unwrap();
    (Arc::new(Authenticator::new(keys, Some(signer))), token)
}
