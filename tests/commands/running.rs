//! A node with its processes and the workers that call the provider, driven step by step; and the book, the clock and the
//! provider that outlive it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use commands::{
    clock::Clock,
    executor::Settings,
    gateway::{
        Gateways,
        stripe::{Secret, Stripe as StripeGateway, StripeConfig},
    },
    process::{
        self,
        calls::CallWorkers,
        runner::{ProcessRunner, Round},
        webhooks::{WebhookWorkers, Webhooks},
    },
    world::{Held, States},
};
use domain::{
    aggregate::Aggregate as _,
    cart::{self, Cart},
    ids::{CartId, OrderId, PaymentId},
    inventory::Inventory,
    order::{self, Order},
    payment::{self, Payment},
};
use eventstore::{Book, Hash, Position, StreamId};
use sqlx::{PgPool, postgres::PgPoolOptions};
use support::{
    Database,
    stripe::{Certificate, SECRET_KEY, Stripe, WEBHOOK_SECRET, Webhook},
};
use uuid::Uuid;

use super::{
    fate::{Fate, Mortal},
    node::{Node, Prepared, book, tamper},
    provider::Provider,
    shop::sku,
    use_cases::at_main,
};

/// Longer than anything takes to come to rest on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// As many as a test lets pass, and more.
const OPENED_DAYS_AGO: i64 = 400;
/// Of the processes of one node.
const CONNECTIONS: u32 = 4;

/// What is there before a node is, and stays when it is gone.
pub(super) struct Premises {
    pub(super) database: Database,
    pub(super) book: Book,
    /// Set back, so that hours can pass: the book takes no time that is ahead of the database's clock.
    pub(super) clock: Clock,
    pub(super) provider: Arc<Provider>,
    /// A second one beside it, where the test wants that.
    stripe: Option<Stripe>,
    /// Where buyers who paid there come back to.
    pub(super) return_url: Option<String>,
    /// Whose certificates are believed when it is called.
    pub(super) authorities: Option<Vec<u8>>,
}

pub(super) struct Running {
    pub(super) node: Node,
    pub(super) runners: Vec<ProcessRunner>,
    pub(super) workers: CallWorkers,
    pub(super) webhook_workers: WebhookWorkers,
    owner: PgPool,
}

impl Premises {
    pub(super) async fn open() -> Self {
        let database = Database::fresh().await;
        let clock = Clock::default();
        let ago = TimeDelta::days(OPENED_DAYS_AGO);
        predate(&database, ago).await;
        clock.pass(-ago);
        let book = book(database.app_options());
        let provider = Arc::default();
        Self { database, book, clock, provider, stripe: None, return_url: None, authorities: None }
    }

    pub(super) async fn open_with_stripe() -> Self {
        let premises = Self::open().await;
        let stripe = Stripe::open(premises.clock.clone()).await;
        premises.with_stripe(stripe)
    }

    pub(super) async fn open_with_stripe_over_tls(certificate: Certificate) -> Self {
        let premises = Self::open().await;
        let stripe = Stripe::open_over_tls(premises.clock.clone(), certificate).await;
        premises.with_stripe(stripe)
    }

    fn with_stripe(self, stripe: Stripe) -> Self {
        let return_url = Some("https://shop.example/paid".to_owned());
        Self { stripe: Some(stripe), return_url, ..self }
    }

    pub(super) fn stripe(&self) -> &Stripe {
        self.stripe.as_ref().expect("the test has opened it")
    }

    /// As the API takes it in.
    pub(super) fn webhooks(&self) -> Webhooks {
        Webhooks::new(self.pool(), Arc::new(self.gateways()), self.clock.clone())
    }

    pub(super) async fn receive(&self, webhook: &Webhook) {
        self.webhooks().receive("stripe", &webhook.headers(), &webhook.body).await.unwrap();
    }

    /// Those that are not settled: their state, and why.
    pub(super) async fn open_webhooks(&self) -> Vec<(String, Option<String>)> {
        let read = "SELECT state, last_error FROM process.webhooks WHERE state <> 'settled' ORDER BY received_at";
        sqlx::query_as(read).fetch_all(&self.database.owner).await.unwrap()
    }

    /// A node that lives until the test ends it.
    pub(super) async fn run(&self) -> Running {
        self.run_until(&Fate::spared()).await
    }

    /// A node of a release that had no other processes than these.
    pub(super) async fn run_those(&self, names: &[&str]) -> Running {
        self.run_of(&Fate::spared(), |name| names.contains(&name)).await
    }

    /// A node whose steps are those of this fate: every effect of its processes, and every call.
    pub(super) async fn run_until(&self, fate: &Fate) -> Running {
        self.run_of(fate, |_| true).await
    }

    async fn run_of(&self, fate: &Fate, has: impl Fn(&str) -> bool) -> Running {
        self.provider.deals_with(fate);
        let node = self.node().await;
        let gateways = self.gateways();
        let pool = self.pool();
        let mut runners = Vec::new();
        for process in process::all(&gateways).into_iter().filter(|process| has(process.name())) {
            let mortal = Mortal { process, fate: fate.clone() };
            let commands = node.commands.clone();
            runners
                .push(ProcessRunner::new(Box::new(mortal), pool.clone(), self.book.clone(), commands).await.unwrap());
        }
        let gateways = Arc::new(gateways);
        let webhook_workers = WebhookWorkers::new(pool.clone(), node.commands.clone(), Arc::clone(&gateways));
        let workers = CallWorkers::new(pool, node.commands.clone(), gateways);
        Running { node, runners, workers, webhook_workers, owner: self.database.owner.clone() }
    }

    pub(super) async fn node(&self) -> Node {
        let settings = Settings { clock: self.clock.clone(), ..Settings::default() };
        Prepared::on(self.database.app_options(), settings).await.start()
    }

    pub(super) fn gateways(&self) -> Gateways {
        let provider: Arc<Provider> = Arc::clone(&self.provider);
        let gateways = Gateways::default().with(provider);
        match &self.stripe {
            Some(stripe) => gateways.with(Arc::new(self.stripe_gateway(stripe, SECRET_KEY))),
            None => gateways,
        }
    }

    pub(super) fn stripe_gateway(&self, stripe: &Stripe, secret_key: &str) -> StripeGateway {
        self.stripe_of(self.stripe_config(stripe, secret_key))
    }

    pub(super) fn stripe_config(&self, stripe: &Stripe, secret_key: &str) -> StripeConfig {
        StripeConfig {
            base_url: stripe.url(),
            secret_key: Secret::new(secret_key),
            webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
            return_url: self.return_url.clone(),
            authorities: self.authorities.clone(),
        }
    }

    pub(super) fn stripe_of(&self, config: StripeConfig) -> StripeGateway {
        StripeGateway::new(config, self.clock.clone()).unwrap()
    }

    /// Connections that end with the node, as those of a process that is killed.
    pub(super) fn pool(&self) -> PgPool {
        PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(self.database.app_options())
    }

    async fn states(&self, stream: StreamId) -> States {
        let events = self.book.stream(&stream, None).await.unwrap();
        States::fold(&[stream], &events)
    }

    pub(super) async fn cart(&self, cart_id: CartId) -> cart::State {
        let states = self.states(Cart::stream(cart_id.as_uuid())).await;
        states.get::<Cart>(cart_id.as_uuid()).unwrap().0.clone()
    }

    pub(super) async fn order(&self, order_id: OrderId) -> order::State {
        let states = self.states(Order::stream(order_id.as_uuid())).await;
        states.get::<Order>(order_id.as_uuid()).unwrap().0.clone()
    }

    pub(super) async fn payment(&self, payment_id: PaymentId) -> payment::State {
        let states = self.states(Payment::stream(payment_id.as_uuid())).await;
        states.get::<Payment>(payment_id.as_uuid()).unwrap().0.clone()
    }

    /// Order and payment, as they are shown.
    pub(super) async fn status(&self, order_id: OrderId, payment_id: PaymentId) -> (&'static str, &'static str) {
        (self.order(order_id).await.status(), self.payment(payment_id).await.status())
    }

    /// On hand, reserved (even if no longer), allocated.
    pub(super) async fn stock(&self, code: &str) -> (i64, i64, i64) {
        let stream = at_main(&sku(code));
        let states = self.states(Inventory::stream(stream)).await;
        let (stock, _) = states.get::<Inventory>(stream).unwrap();
        let reserved = stock.reservations().map(|(_, reservation)| reservation.quantity.get()).sum();
        (stock.on_hand(), reserved, stock.allocated())
    }

    /// What happened to a stream, in order.
    pub(super) async fn history(&self, category: &'static str, id: Uuid) -> Vec<String> {
        let events = self.book.stream(&StreamId::new(category, id), None).await.unwrap();
        events.into_iter().map(|event| event.event_type).collect()
    }

    pub(super) async fn payment_history(&self, payment_id: PaymentId) -> Vec<String> {
        self.history(Payment::CATEGORY, payment_id.as_uuid()).await
    }

    pub(super) async fn open_calls(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM process.calls").fetch_one(&self.database.owner).await.unwrap()
    }

    /// The leases of workers that are gone have ended, and what was put off is due.
    pub(super) async fn leases_end(&self) {
        let statement = "UPDATE process.calls SET leased_until = now() - interval '1 s', next_attempt_at = now()";
        sqlx::query(statement).execute(&self.database.owner).await.unwrap();
    }
}

impl Running {
    /// Until all processes are at the head. Whether there was anything to do.
    pub(super) async fn follow(&mut self) -> bool {
        let began = Instant::now();
        let (mut worked, mut at_rest) = (false, false);
        while !at_rest {
            assert!(began.elapsed() < PATIENCE, "the processes do not come to rest");
            at_rest = true;
            for runner in &mut self.runners {
                let round = runner.run_once().await.unwrap();
                worked |= round == Round::Worked;
                // Elsewhere: the connection of one that was killed is still being ended.
                at_rest &= round == Round::Idle;
            }
        }
        worked
    }

    /// Makes every call that is open, also those that were put off.
    pub(super) async fn make_calls(&self) -> usize {
        let due = "UPDATE process.calls SET next_attempt_at = now() WHERE leased_until IS NULL";
        sqlx::query(due).execute(&self.owner).await.unwrap();
        self.workers.run_once().await.unwrap()
    }

    /// Looks into every webhook that is open, also those that were put off.
    pub(super) async fn look_into_webhooks(&self) -> usize {
        let due = "UPDATE process.webhooks SET next_attempt_at = now() WHERE leased_until IS NULL";
        sqlx::query(due).execute(&self.owner).await.unwrap();
        self.webhook_workers.run_once().await.unwrap()
    }

    /// Until the processes have read everything and every call is settled.
    pub(super) async fn settle(&mut self) {
        let began = Instant::now();
        while self.follow().await | (self.make_calls().await > 0) {
            assert!(began.elapsed() < PATIENCE, "the processes and the calls do not come to rest");
        }
    }

    /// Ends at once, as a program does that is killed: nothing is told to anybody.
    pub(super) async fn kill(self) {
        let Self { node, runners, workers, webhook_workers, .. } = self;
        drop((runners, workers, webhook_workers));
        node.kill().await;
    }
}

/// Makes a book that is just opened an old one.
async fn predate(database: &Database, by: TimeDelta) {
    let mut title = book(database.app_options()).page(Position(-1), 1).await.unwrap().remove(0);
    let opened_at = title.recorded_at - by;
    title.recorded_at = opened_at;
    let opened_at = opened_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    title.payload = format!(r#"{{"book_id":"{}","opened_at":"{opened_at}","hash_specification":1}}"#, title.stream.id);
    let Hash(hash) = title.hash_after(Hash::ZERO);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let statement = format!(
        "UPDATE book.events SET recorded_at = '{opened_at}', payload = '{}', hash = '\\x{hash}' WHERE position = 0",
        title.payload
    );
    tamper(database, &statement).await;
}
