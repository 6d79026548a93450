//! A node: the roles it runs, each made from the same few parts and each reporting to readiness. Knows no route.

use std::sync::Arc;
use std::time::Duration;

use commands::clock::Clock;
use commands::executor::{Commands, Executor, Health as ExecutorHealth};
use commands::gateway::Gateways;
use commands::gateway::simulated::{self, Simulated};
use commands::payments::CapturingOnce;
use commands::process::calls::CallWorkers;
use commands::process::reconciler::Reconciler;
use commands::process::runner::{ProcessError, ProcessRunner};
use commands::process::webhooks::{WebhookWorkers, Webhooks};
use commands::session::beside_the_book;
use commands::vault::{MasterKey, Vault};
use domain::payment::Provider;
use eventstore::follow::HeadWatch;
use eventstore::publisher::{Publisher, PublisherConfig, PublisherState, PublisherStatus};
use eventstore::{Book, Feed, ReadError, Writer};
use projections::{Progress, ReadModels, Runner};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Duty;
use crate::conserved;
use crate::health::{CheckHandle, Health};

/// A request that finds no connection for this long is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// At the end, when nothing uses them any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often readiness looks at the projections, whose runners may be in other processes.
const PROJECTIONS_LOOK: Duration = Duration::from_secs(1);
/// A node whose read models are further behind than this is not ready: its queries would mostly wait.
const PROJECTION_LAG_MAX: Duration = Duration::from_secs(30);
/// How often expired idempotency keys are deleted, and how many at once.
const KEYS_SWEEP: Duration = Duration::from_secs(600);
const KEYS_AT_ONCE: i64 = 10_000;

/// What a node is made of.
#[derive(Debug)]
pub struct NodeParts {
    pub database: PgConnectOptions,
    pub pool_connections: u32,
    pub duties: Vec<Duty>,
    pub master_key: MasterKey,
    pub publisher: Option<PublisherConfig>,
    pub payments: PaymentParts,
}

/// Who carries payments.
#[derive(Debug, Clone)]
pub struct PaymentParts {
    pub gateways: Arc<Gateways>,
    /// Of new payments.
    pub provider: Provider,
    /// How often the books of providers are compared with the ledger.
    pub reconcile_every: Duration,
}

/// Once a day.
pub(crate) const RECONCILE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// The provider that is built in, and moves no money.
impl Default for PaymentParts {
    fn default() -> Self {
        Self {
            gateways: Arc::new(Gateways::default().with(Arc::new(Simulated::default()))),
            provider: Provider::new(simulated::NAME).expect("a short name"),
            reconcile_every: RECONCILE_EVERY,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
    #[error("the book cannot be opened (has `daybook migrate` run?)")]
    Book(#[from] ReadError),
    #[error("the processes cannot be started")]
    Process(#[from] ProcessError),
}

/// What handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shop {
    pub commands: Commands,
    pub vault: Arc<Vault>,
    pub book: Book,
    pub heads: HeadWatch,
    pub read_models: ReadModels,
    pub webhooks: Webhooks,
    /// Who carries new payments.
    pub provider: Provider,
    /// Those that take money of a payment once.
    pub capturing_once: CapturingOnce,
}

impl Shop {
    /// A shop that nobody minds: every command and query is answered with 503. For what needs the routes and not what is
    /// behind them, such as the OpenAPI document.
    pub fn closed() -> Self {
        let nowhere = pool(PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1), 1);
        let book = Book::new(nowhere.clone());
        let PaymentParts { gateways, provider, .. } = PaymentParts::default();
        Self {
            capturing_once: gateways.capturing_once(),
            webhooks: Webhooks::new(nowhere.clone(), gateways, Clock::default()),
            provider,
            commands: Commands::closed(book.clone()),
            vault: Arc::new(Vault::new(nowhere.clone(), MasterKey::new("none".to_owned(), [0; 32]))),
            read_models: ReadModels::new(nowhere, Progress::default()),
            heads: HeadWatch::new(),
            book,
        }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    shop: Shop,
    /// Everything in this process that follows the book reads it once.
    feed: Feed,
    pools: Pools,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

/// The connections of a node, a pool a part, so that none takes another's; the executor and the projections have their own
/// besides.
#[derive(Debug)]
struct Pools {
    book: PgPool,
    queries: PgPool,
    vault: PgPool,
    processes: PgPool,
}

impl Pools {
    /// Nothing is connected yet.
    fn new(database: &PgConnectOptions, connections: u32) -> Self {
        Self {
            book: pool(eventstore::session::reading(database.clone()), connections),
            queries: pool(projections::reading(database.clone()), connections),
            vault: pool(beside_the_book(database.clone()), connections),
            processes: pool(beside_the_book(database.clone()), connections),
        }
    }

    /// Says goodbye on every connection, so that the server does not find them cut.
    async fn close(&self) {
        let closed =
            async { tokio::join!(self.book.close(), self.queries.close(), self.vault.close(), self.processes.close()) };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::debug!("some connections were still in use at the end");
        }
    }
}

impl Node {
    /// Starts every role but the API, which is served on top of what this returns.
    pub async fn start(parts: NodeParts, health: &Health) -> Result<Self, StartError> {
        let database = &parts.database;
        let pools = Pools::new(database, parts.pool_connections);
        let book = Book::new(pools.book.clone());
        book.title().await?;
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let heads = HeadWatch::new();
        let (commands, executor) = executor(database, &book, &heads).await?;
        tasks.spawn(report_executor(commands.health(), health.register("book"), stopping.clone()));
        tasks.spawn(executor.run());
        let progress = Progress::default();
        let node = Self {
            feed: Feed::new(book.clone()),
            shop: Shop {
                vault: Arc::new(Vault::new(pools.vault.clone(), parts.master_key)),
                read_models: ReadModels::new(pools.queries.clone(), progress.clone()),
                webhooks: Webhooks::new(
                    pools.processes.clone(),
                    Arc::clone(&parts.payments.gateways),
                    commands.clock().clone(),
                ),
                provider: parts.payments.provider,
                capturing_once: parts.payments.gateways.capturing_once(),
                commands,
                heads,
                book,
            },
            pools,
            tasks,
            stopping,
        };
        if parts.duties.contains(&Duty::Projector) {
            node.start_projector(database, progress);
        }
        node.watch_projections(health);
        let (read_models, check) = (node.shop.read_models.clone(), health.register("conservation"));
        node.tasks.spawn(conserved::report(read_models, check, node.stopping.clone()));
        if parts.duties.contains(&Duty::Processes) {
            node.start_processes(parts.payments.gateways, parts.payments.reconcile_every, health).await?;
        }
        if let Some(config) = parts.publisher.filter(|_| parts.duties.contains(&Duty::Publisher)) {
            node.start_publisher(config, health);
        }
        Ok(node)
    }

    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// Lets everything finish what it has begun.
    pub async fn stop(self) {
        self.stopping.cancel();
        // The executor ends with the last of its handles.
        drop(self.shop);
        self.tasks.close();
        self.tasks.wait().await;
        self.pools.close().await;
    }

    fn start_projector(&self, database: &PgConnectOptions, progress: Progress) {
        for projection in projections::ALL {
            let runner = Runner::new(projection, database.clone(), self.feed.clone(), progress.clone());
            self.tasks.spawn(runner.run(self.shop.heads.clone(), self.stopping.clone()));
        }
    }

    fn watch_projections(&self, health: &Health) {
        let check = health.register("projections");
        let (read_models, stopping) = (self.shop.read_models.clone(), self.stopping.clone());
        self.tasks.spawn(async move {
            let mut ticks = interval(PROJECTIONS_LOOK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !stopping.is_cancelled() {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    _ = ticks.tick() => report_projections(&read_models, &check).await,
                }
            }
        });
    }

    async fn start_processes(
        &self,
        gateways: Arc<Gateways>,
        reconcile_every: Duration,
        health: &Health,
    ) -> Result<(), StartError> {
        let pool = self.pools.processes.clone();
        let check = health.register("processes");
        let mut statuses = Vec::new();
        for process in commands::process::all(&gateways) {
            let runner =
                ProcessRunner::new(process, pool.clone(), self.feed.clone(), self.shop.commands.clone()).await?;
            statuses.push((runner.name(), runner.status()));
            self.tasks.spawn(runner.run(self.shop.heads.clone(), self.stopping.clone()));
        }
        self.tasks.spawn(report_processes(statuses, check, self.stopping.clone()));
        let reconciler = Reconciler::new(pool.clone(), self.shop.commands.clone(), Arc::clone(&gateways));
        self.tasks.spawn(reconciler.run(reconcile_every, self.stopping.clone()));
        let webhooks = WebhookWorkers::new(pool.clone(), self.shop.commands.clone(), Arc::clone(&gateways));
        self.tasks.spawn(webhooks.run(self.stopping.clone()));
        let workers = CallWorkers::new(pool, self.shop.commands.clone(), gateways);
        self.tasks.spawn(workers.run(self.stopping.clone()));
        self.tasks.spawn(sweep_keys(self.shop.book.clone(), self.stopping.clone()));
        Ok(())
    }

    fn start_publisher(&self, config: PublisherConfig, health: &Health) {
        let publisher = Publisher::new(config, self.feed.clone());
        let check = health.register("publisher");
        self.tasks.spawn(report_publisher(publisher.status(), check, self.stopping.clone()));
        self.tasks.spawn(publisher.run(self.shop.heads.clone(), self.stopping.clone()));
    }
}

pub(crate) async fn executor(
    database: &PgConnectOptions,
    book: &Book,
    heads: &HeadWatch,
) -> Result<(Commands, Executor), ReadError> {
    let mut writer = Writer::connect(database.clone()).await?;
    let head = writer.head().await?;
    heads.publish(head.point.position);
    Ok(Executor::new(writer, head, book.clone(), heads.clone()))
}

/// Connections are made when they are needed. One that comes back inside a transaction is thrown away: sqlx can return such a
/// connection when a future is dropped at the wrong moment.
fn pool(options: PgConnectOptions, connections_max: u32) -> PgPool {
    PgPoolOptions::new().max_connections(connections_max).acquire_timeout(ACQUIRE_TIMEOUT).connect_lazy_with(options)
}

async fn report_executor(
    mut executor: watch::Receiver<ExecutorHealth>,
    check: CheckHandle,
    stopping: CancellationToken,
) {
    loop {
        match *executor.borrow_and_update() {
            ExecutorHealth::Writing => check.ready("commands are decided and appended"),
            ExecutorHealth::BookWentBack => {
                check.failing("the book went back: a tail that was acknowledged is gone (failover or restore)");
            }
            ExecutorHealth::Unavailable => check.failing("the book cannot be written"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            changed = executor.changed() => if changed.is_err() { return },
        }
    }
}

async fn report_projections(read_models: &ReadModels, check: &CheckHandle) {
    let definitions: Vec<_> = projections::ALL.iter().map(|projection| projection.definition()).collect();
    let statuses = match read_models.status(&definitions).await {
        Ok(statuses) => statuses,
        Err(error) => {
            tracing::warn!(%error, "the state of the projections cannot be read");
            return check.failing("the read models cannot be read");
        }
    };
    let mut behind = Vec::new();
    for status in &statuses {
        metrics::gauge!("daybook_projection_lag_events", "projection" => status.name).set(status.lag_events as f64);
        metrics::gauge!("daybook_projection_parked_streams", "projection" => status.name)
            .set(status.parked_streams as f64);
        if let Some(reason) = &status.reason {
            behind.push(format!("{}: {reason}", status.name));
        } else if status.lag_ms > PROJECTION_LAG_MAX.as_millis() as i64 {
            behind.push(format!("{} is {} events behind", status.name, status.lag_events));
        }
    }
    if behind.is_empty() {
        check.ready("the read models follow the book");
    } else {
        check.failing(behind.join("; "));
    }
}

async fn report_processes(
    statuses: Vec<(&'static str, watch::Receiver<commands::process::runner::ProcessStatus>)>,
    check: CheckHandle,
    stopping: CancellationToken,
) {
    let mut ticks = interval(PROJECTIONS_LOOK);
    loop {
        let failing: Vec<_> = statuses
            .iter()
            .filter_map(|(name, status)| Some(format!("{name}: {}", status.borrow().failing.as_ref()?)))
            .collect();
        if failing.is_empty() {
            check.ready("the processes follow the book");
        } else {
            check.failing(failing.join("; "));
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
    }
}

/// Kafka away is no reason to take no commands: the book keeps what it did not get.
async fn report_publisher(
    mut publisher: watch::Receiver<PublisherStatus>,
    check: CheckHandle,
    stopping: CancellationToken,
) {
    loop {
        let status = publisher.borrow_and_update().clone();
        match status.state {
            PublisherState::Refused { reason } => check.failing(reason),
            PublisherState::Retrying { reason } => check.ready(format!("Kafka is away, the book waits: {reason}")),
            PublisherState::Starting => check.ready("starting"),
            PublisherState::StandingBy => check.ready("another publisher is at work"),
            PublisherState::Running => check.ready("the book is published"),
            PublisherState::Stopped => check.ready("stopped"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            changed = publisher.changed() => if changed.is_err() { return },
        }
    }
}

async fn sweep_keys(book: Book, stopping: CancellationToken) {
    let mut ticks = interval(KEYS_SWEEP);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        loop {
            match book.delete_expired_keys(chrono::Utc::now(), KEYS_AT_ONCE).await {
                Ok(deleted) if deleted == KEYS_AT_ONCE as u64 => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "expired idempotency keys could not be deleted");
                    break;
                }
            }
        }
    }
}
