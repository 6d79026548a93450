//! `daybook dev`: a private Postgres, a broker inside this process, every role, a small catalogue, and a token for each kind of
//! user. A Postgres or a Kafka that is named replaces its part.

mod addresses;
mod broker;
mod database;
mod demo;
mod greeting;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commands::vault::MasterKey;
use domain::money::Currency;
use uuid::Uuid;

use self::addresses::Addresses;
pub(crate) use self::addresses::postgres_of;
use self::broker::Broker;
use self::database::{Database, Named, ended};
use self::greeting::Greeting;
use crate::auth::keys::KeyRing;
use crate::auth::signing::{TokenSigner, open_or_create_dev_key};
use crate::auth::token::Authenticator;
use crate::cli::{Failure, say};
use crate::config::{Duty, POOL_CONNECTIONS, Secret, next_port_up, parse_master_key};
use crate::health::Health;
use crate::node::{Node, NodeParts, Shop};
use crate::running::{Running, bind};
use crate::server::Listener;
use crate::servers::folder::Folder;
use crate::{metrics, migrate};

/// What is not ready by then is named in the log, and the addresses are printed all the same: something may be wrong with a
/// part, and whoever looks into it needs them.
const READY_WITHIN: Duration = Duration::from_secs(20);
const READY_LOOK: Duration = Duration::from_millis(20);

/// For a shell: `. .daybook/env`.
const SHELL_FILE: &str = "env";

const CURRENCY: Currency = Currency::GBP;

#[derive(Debug)]
pub(crate) struct DevConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) data: PathBuf,
    pub(crate) fresh: bool,
    pub(crate) demo: bool,
    pub(crate) database_url: Option<Secret>,
    pub(crate) postgres_bin: Option<PathBuf>,
    pub(crate) kafka_brokers: Option<String>,
    pub(crate) topic_prefix: String,
}

/// What is said of it once it is ready.
struct Introduction<'a> {
    config: &'a DevConfig,
    folder: &'a Folder,
    addresses: Addresses,
    greeting: Greeting,
    started: Instant,
}

pub(crate) async fn run(config: DevConfig) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let scrape = metrics::install().map_err(|error| Failure::fault(&error))?;
    // What cannot be used, and what is taken, costs nobody anything.
    let named = Named::of(&config)?;
    let api = bind("--listen", config.listen).await?;
    let admin = config.admin_listen.unwrap_or_else(|| next_port_up(config.listen));
    let administration = bind("--admin-listen", admin).await?;
    let folder = Folder::open(&config.data).map_err(|error| Failure::usage(&error))?;
    // Those of a predecessor that was killed.
    forget_addresses(&folder)?;
    let signer = open_or_create_dev_key(folder.path()).map_err(|error| Failure::usage(&error))?;

    let database = Database::start(named, &config, &folder).await?;
    let broker = Broker::start(&config)?;
    migrate::run(&database.owner).await.map_err(|error| Failure::fault(&error))?;
    let addresses = Addresses {
        api: greeting::url(api.address()),
        admin: greeting::url(administration.address()),
        postgres: database.url,
        kafka: broker.address.clone(),
        kafka_is_inside: broker.is_inside(),
        topic_prefix: config.topic_prefix.clone(),
    };
    let greeting = Greeting::new(&addresses, &signer, &config);
    let running = Running::new(administration, scrape).map_err(|error| Failure::fault(&error))?;
    let parts = NodeParts {
        database: database.server,
        pool_connections: POOL_CONNECTIONS,
        duties: Duty::ALL.to_vec(),
        master_key: master_key(&folder)?,
        publisher: Some(broker.publisher(&config.topic_prefix)),
    };
    let node = Node::start(parts, &running.health).await.map_err(|error| Failure::fault(&error))?;
    running.started();
    let auth = authenticator(signer)?;
    let mut postgres = database.private;
    let introduction = Introduction { config: &config, folder: &folder, addresses, greeting, started };
    let served = tokio::select! {
        served = serve(running, node, api, auth, introduction) => served,
        failure = ended(&mut postgres) => Err(failure),
    };
    // The servers go after all that use them, and the addresses with them.
    drop(broker);
    drop(postgres);
    forget_addresses(&folder)?;
    served.map(|()| ExitCode::SUCCESS)
}

/// Until a signal, or until something has gone wrong on the way to the first request.
async fn serve(
    running: Running,
    node: Node,
    listener: Listener,
    auth: Arc<Authenticator>,
    introduction: Introduction<'_>,
) -> Result<(), Failure> {
    let introduced = async {
        let said = introduction.make(node.shop(), &running.health);
        let said = running.stopping.run_until_cancelled(said).await.unwrap_or(Ok(()));
        if said.is_err() {
            running.stopping.cancel();
        }
        said
    };
    let serving = running.serve(listener, auth, node.shop().clone(), CURRENCY);
    let (introduced, ()) = tokio::join!(introduced, serving);
    running.until_stopped(node).await;
    introduced
}

impl Introduction<'_> {
    async fn make(self, shop: &Shop, health: &Health) -> Result<(), Failure> {
        if self.config.demo {
            demo::load(&shop.commands).await.map_err(|error| Failure::fault(&error))?;
        }
        let late = until_ready(shop, health).await;
        self.addresses.write(self.folder).map_err(|error| Failure::fault(&error))?;
        self.folder.write(SHELL_FILE, &self.greeting.shell()).map_err(|error| Failure::fault(&error))?;
        let ready_s = format!("{:.1}", self.started.elapsed().as_secs_f64());
        match late {
            None => tracing::info!(ready_s, variables = %self.folder.path().join(SHELL_FILE).display(), "ready"),
            Some(late) => tracing::warn!(ready_s, late, "not ready yet"),
        }
        say(&self.greeting.text())
    }
}

/// Until a client would be answered, with what the book holds by now in the read models; else what it waits for.
async fn until_ready(shop: &Shop, health: &Health) -> Option<String> {
    let wanted = shop.heads.newest();
    let give_up_at = Instant::now() + READY_WITHIN;
    let definitions = projections::ALL.map(|projection| projection.definition());
    if let Err(error) = shop.read_models.wait_for(&definitions, wanted, READY_WITHIN).await {
        return Some(error.to_string());
    }
    while !health.is_ready() {
        if Instant::now() > give_up_at {
            return Some(health.waits_for());
        }
        tokio::time::sleep(READY_LOOK).await;
    }
    None
}

fn forget_addresses(folder: &Folder) -> Result<(), Failure> {
    let forgotten = Addresses::forget(folder).and_then(|()| folder.remove(SHELL_FILE));
    forgotten.map_err(|error| Failure::usage(&error))
}

fn master_key(folder: &Folder) -> Result<MasterKey, Failure> {
    let make = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    let text = folder.secret("master.key", make).map_err(|error| Failure::usage(&error))?;
    parse_master_key("dev", &text).map_err(|error| Failure::usage(&error))
}

fn authenticator(signer: TokenSigner) -> Result<Arc<Authenticator>, Failure> {
    let mut keys = KeyRing::default();
    keys.add(signer.verifying_key()).map_err(|error| Failure::fault(&error))?;
    Ok(Arc::new(Authenticator::new(keys, Some(signer))))
}
