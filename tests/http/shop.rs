//! A shop of the test's own: the real router over a real node (executor, projections, processes) on a fresh database. The
//! publisher alone is left out: nothing here asks Kafka.

use std::sync::{Arc, LazyLock, Mutex};
use std::{fs, time::Duration};

use api::{
    app::App,
    auth::{
        Role,
        keys::KeyRing,
        signing::{DEV_KEY_FILE, Grant, TokenSigner, open_or_create_dev_key},
        token::Authenticator,
    },
    config::{Duty, POOL_CONNECTIONS},
    health::Health,
    node::{Node, NodeParts, PaymentParts},
};
use axum::Router;
use commands::{
    clock::Clock,
    gateway::{
        Gateways,
        simulated::Simulated,
        stripe::{Secret, Stripe as StripeGateway, StripeConfig},
    },
    vault::MasterKey,
};
use domain::money::Currency;
use eventstore::{Book, Position, RecordedEvent, StreamId, follow::HeadWatch};
use support::{
    Database, scratch,
    stripe::{SECRET_KEY, Stripe, WEBHOOK_SECRET},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::client::Client;

/// Longer than anything takes that goes well, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);
/// How soon a wait looks again for what another node wrote.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

const EVERYTHING: [Duty; 3] = [Duty::Api, Duty::Projector, Duty::Processes];

/// The key that all tokens of all tests are signed with, and its text.
pub(super) static SIGNING: LazyLock<Signing> = LazyLock::new(Signing::new);

pub(super) struct Signing {
    pub(super) pem: String,
    pub(super) auth: Arc<Authenticator>,
}

impl Signing {
    fn new() -> Self {
        let folder = scratch::folder("signing");
        let signer = open_or_create_dev_key(folder.path()).unwrap();
        let pem = fs::read_to_string(folder.path().join(DEV_KEY_FILE)).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        let mut keys = KeyRing::default();
        keys.add(signer.verifying_key()).unwrap();
        Self { pem, auth: Arc::new(Authenticator::new(keys, Some(signer))) }
    }

    pub(super) fn signer(&self) -> &TokenSigner {
        self.auth.signer().unwrap()
    }
}

/// Clones are the same shop.
#[derive(Clone)]
pub(super) struct Shop(Arc<Parts>);

struct Parts {
    database: Database,
    payments: PaymentParts,
    running: Mutex<Option<Running>>,
}

struct Running {
    node: Node,
    router: Router,
}

impl Running {
    async fn start(database: &Database, duties: &[Duty], payments: PaymentParts) -> Self {
        let health = Health::default();
        let node = start_node(database, duties, payments, &health).await;
        let (auth, shop) = (Arc::clone(&SIGNING.auth), node.shop().clone());
        let app = App::new(auth, health, CancellationToken::new(), shop, Currency::GBP);
        Self { router: api::router::build(app), node }
    }
}

async fn start_node(database: &Database, duties: &[Duty], payments: PaymentParts, health: &Health) -> Node {
    let parts = NodeParts {
        database: database.app_options(),
        pool_connections: POOL_CONNECTIONS,
        duties: duties.to_vec(),
        master_key: MasterKey::new("test".to_owned(), [7; 32]),
        publisher: None,
        payments,
    };
    Node::start(parts, health).await.unwrap()
}

fn payments_by(provider: &str, base_url: String) -> PaymentParts {
    let config = StripeConfig {
        base_url,
        secret_key: Secret::new(SECRET_KEY),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
        return_url: Some("https://shop.example/paid".to_owned()),
        authorities: None,
    };
    let stripe = Arc::new(StripeGateway::new(config, Clock::default()).unwrap());
    let gateways = Gateways::default().with(Arc::new(Simulated::default())).with(stripe);
    PaymentParts { gateways: Arc::new(gateways), provider: provider.parse().unwrap(), ..PaymentParts::default() }
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::open_with(&EVERYTHING).await
    }

    /// Where nobody posts the read models.
    pub(super) async fn open_without_projector() -> Self {
        Self::open_with(&[Duty::Api, Duty::Processes]).await
    }

    /// Where what was decided leads to nothing further.
    pub(super) async fn open_without_processes() -> Self {
        Self::open_with(&[Duty::Api, Duty::Projector]).await
    }

    /// Where new payments are carried by Stripe, as it stands here.
    pub(super) async fn open_with_stripe(stripe: &Stripe) -> Self {
        Self::open_paid_by(&EVERYTHING, payments_by("stripe", stripe.url())).await
    }

    /// The simulated provider carries payments. Stripe is known, and is not there: nobody listens on that port.
    async fn open_with(duties: &[Duty]) -> Self {
        Self::open_paid_by(duties, payments_by("simulated", "http://127.0.0.1:9".to_owned())).await
    }

    async fn open_paid_by(duties: &[Duty], payments: PaymentParts) -> Self {
        let database = Database::fresh().await;
        let running = Running::start(&database, duties, payments.clone()).await;
        Self(Arc::new(Parts { database, payments, running: Mutex::new(Some(running)) }))
    }

    pub(super) fn database(&self) -> &Database {
        &self.0.database
    }

    /// Stops the node and starts another one on the same database: what is not in the database is gone.
    pub(super) async fn restart(&self) {
        self.restart_with(&EVERYTHING).await;
    }

    pub(super) async fn restart_without_processes(&self) {
        self.restart_with(&[Duty::Api, Duty::Projector]).await;
    }

    async fn restart_with(&self, duties: &[Duty]) {
        let Running { node, router } = self.0.running.lock().unwrap().take().unwrap();
        // It holds the executor open.
        drop(router);
        node.stop().await;
        let running = Running::start(&self.0.database, duties, self.0.payments.clone()).await;
        *self.0.running.lock().unwrap() = Some(running);
    }

    /// A second node beside the first, which has no routes and posts the read models.
    pub(super) async fn start_projector(&self) -> Node {
        start_node(&self.0.database, &[Duty::Projector], self.0.payments.clone(), &Health::default()).await
    }

    pub(super) fn router(&self) -> Router {
        self.0.running.lock().unwrap().as_ref().unwrap().router.clone()
    }

    fn follow(&self) -> (Book, HeadWatch) {
        let running = self.0.running.lock().unwrap();
        let shop = running.as_ref().unwrap().node.shop();
        (shop.book.clone(), shop.heads.clone())
    }

    /// The position of the book's last event.
    pub(super) async fn head(&self) -> i64 {
        self.follow().0.head().await.unwrap().point.position.0
    }

    /// What was appended after this position.
    pub(super) async fn events_since(&self, position: i64) -> Vec<RecordedEvent> {
        self.follow().0.page(Position(position), i64::MAX).await.unwrap()
    }

    pub(super) async fn types_since(&self, position: i64) -> Vec<String> {
        self.events_since(position).await.into_iter().map(|event| event.event_type).collect()
    }

    /// Until this has happened to the thing with this id. The type's first word is the category.
    pub(super) async fn until(&self, event_type: &'static str, id: Uuid) {
        self.until_there_are(1, event_type, id).await;
    }

    /// Until it has happened so often.
    pub(super) async fn until_there_are(&self, count: usize, event_type: &'static str, id: Uuid) {
        let (book, heads) = self.follow();
        let stream = StreamId::new(event_type.split('.').next().unwrap(), id);
        let happened = async {
            loop {
                let newest = heads.newest();
                let events = book.stream(&stream, None).await.unwrap();
                if events.iter().filter(|event| event.event_type == event_type).count() >= count {
                    return;
                }
                heads.wait_beyond(newest, LOOK_AGAIN).await;
            }
        };
        if tokio::time::timeout(PATIENCE, happened).await.is_err() {
            panic!("{event_type} has not happened to {id}: {:?}", self.types_since(0).await);
        }
    }

    pub(super) fn anonymous(&self) -> Client {
        Client::new(self.clone(), None, Uuid::nil())
    }

    pub(super) fn with_token(&self, token: impl Into<String>) -> Client {
        Client::new(self.clone(), Some(token.into()), Uuid::nil())
    }

    /// Somebody new in this role.
    pub(super) fn as_role(&self, role: Role) -> Client {
        let subject = Uuid::now_v7();
        let grant = Grant { subject, role, guest: false, lifetime: Duration::from_secs(3_600) };
        Client::new(self.clone(), Some(SIGNING.signer().sign(grant)), subject)
    }

    /// A new one each time.
    pub(super) fn as_customer(&self) -> Client {
        self.as_role(Role::Customer)
    }

    pub(super) fn as_staff(&self) -> Client {
        self.as_role(Role::Staff)
    }

    /// A visitor who got their token from the shop itself.
    pub(super) async fn as_guest(&self) -> Client {
        let guest = self.anonymous().post("/v1/guests").answers(201).await;
        let customer_id = guest["customer_id"].as_str().unwrap().parse().unwrap();
        Client::new(self.clone(), Some(guest["token"].as_str().unwrap().to_owned()), customer_id)
    }
}
