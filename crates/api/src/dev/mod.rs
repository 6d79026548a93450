//! `daybook dev`: a private Postgres, a broker inside this process, every role, a small catalogue, and a token for each kind of
//! user. A Postgres or a Kafka that is named replaces its part.

mod addresses;
mod demo;
mod greeting;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use commands::vault::MasterKey;
use domain::money::Currency;
use eventstore::publisher::{Mode, PublisherConfig};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use crate::auth::keys::KeyRing;
use crate::auth::signing::{TokenSigner, open_or_create_dev_key};
use crate::auth::token::Authenticator;
use crate::cli::Failure;
use crate::config::{Duty, Secret, next_port_up, parse_master_key};
use crate::node::{Node, NodeParts};
use crate::running::Running;
use crate::server::Listener;
use crate::servers::folder::Folder;
use crate::servers::mock_broker::MockBroker;
use crate::servers::postgres::{DATABASE, Durability, Postgres};
use crate::{metrics, migrate};

/// The broker inside this process keeps 5 MB a partition: few partitions keep it small.
const PARTITIONS: i32 = 2;
/// A broker of one's own is a single one on a developer's machine.
const REPLICATION: i16 = 1;
/// How often the private Postgres is looked after.
const POSTGRES_LOOK: Duration = Duration::from_secs(1);

const CURRENCY: Currency = Currency::GBP;

#[derive(Debug)]
pub(crate) struct DevConfig {
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: Option<SocketAddr>,
    pub(crate) data: PathBuf,
    pub(crate) fresh: bool,
    pub(crate) demo: bool,
    pub(crate) database_url: Option<Secret>,
    pub(crate) kafka_brokers: Option<String>,
    pub(crate) topic_prefix: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the private Postgres ended by itself; its log is {}", log.display())]
struct PostgresEnded {
    log: PathBuf,
}

pub(crate) async fn run(config: DevConfig) -> Result<ExitCode, Failure> {
    let scrape = metrics::install().map_err(|error| Failure::fault(&error))?;
    // Ports and folder first: what is taken costs nobody anything.
    let api = Listener::bind(config.listen).await.map_err(|error| Failure::usage(&error))?;
    let admin = config.admin_listen.unwrap_or_else(|| next_port_up(api.address()));
    let administration = Listener::bind(admin).await.map_err(|error| Failure::usage(&error))?;
    let folder = Folder::open(&config.data).map_err(|error| Failure::usage(&error))?;
    if config.fresh {
        Postgres::remove(&folder).await.map_err(|error| Failure::usage(&error))?;
    }
    let signer = open_or_create_dev_key(folder.path()).map_err(|error| Failure::usage(&error))?;
    let book = Database::start(&config, &folder).await?;
    let broker = Broker::start(&config)?;
    migrate::run(&book.owner).await.map_err(|error| Failure::fault(&error))?;

    let admin = administration.address();
    let running = Running::new(administration, scrape).map_err(|error| Failure::fault(&error))?;
    let parts = NodeParts {
        database: book.server.clone(),
        duties: Duty::ALL.to_vec(),
        master_key: master_key(&folder)?,
        publisher: Some(broker.publisher(&config.topic_prefix)),
    };
    let node = Node::start(parts, &running.health).await.map_err(|error| Failure::fault(&error))?;
    if config.demo {
        demo::load(&node.shop().commands).await.map_err(|error| Failure::fault(&error))?;
    }
    let greeting = greeting::Greeting {
        api: api.address(),
        admin,
        postgres: &book.url,
        kafka: &broker,
        signer: &signer,
        config: &config,
    };
    greeting.write_addresses(folder.path()).map_err(|error| Failure::fault(&error))?;
    greeting.print();
    let watch = tokio::spawn(look_after(book.private, running.stopping.clone()));
    running.serve(api, authenticator(signer)?, node.shop().clone(), CURRENCY).await;
    running.until_stopped(node).await;
    watch.await.map_err(|error| Failure::fault(&error))?
}

/// The book's Postgres: private, or one that was named.
struct Database {
    owner: PgConnectOptions,
    server: PgConnectOptions,
    /// What psql takes.
    url: String,
    private: Option<Postgres>,
}

impl Database {
    async fn start(config: &DevConfig, folder: &Folder) -> Result<Self, Failure> {
        if let Some(url) = &config.database_url {
            let options: PgConnectOptions =
                url.expose().parse().map_err(|error: sqlx::Error| Failure::usage(&error))?;
            tracing::warn!(
                "the server logs in as the owner of the database that was named: good for development alone"
            );
            let url = url.expose().to_owned();
            return Ok(Self { owner: options.clone(), server: options, url, private: None });
        }
        let postgres =
            Postgres::start(folder, Durability::Durable, None).await.map_err(|error| Failure::usage(&error))?;
        Ok(Self {
            owner: postgres.owner(DATABASE),
            server: postgres.app(DATABASE),
            url: postgres.app_url(DATABASE),
            private: Some(postgres),
        })
    }
}

/// The broker: inside this process, or one that was named.
struct Broker {
    address: String,
    inside: Option<MockBroker>,
}

impl Broker {
    fn start(config: &DevConfig) -> Result<Self, Failure> {
        if let Some(brokers) = &config.kafka_brokers {
            return Ok(Self { address: brokers.clone(), inside: None });
        }
        let broker = MockBroker::start().map_err(|error| Failure::fault(&error))?;
        tracing::info!(
            "the broker inside this process keeps at most 5 MB a partition; the book refills it at every start"
        );
        Ok(Self { address: broker.address().to_owned(), inside: Some(broker) })
    }

    fn publisher(&self, prefix: &str) -> PublisherConfig {
        PublisherConfig {
            brokers: self.address.clone(),
            prefix: prefix.to_owned(),
            partitions: PARTITIONS,
            replication: REPLICATION,
            categories: domain::registry::CATEGORIES.to_vec(),
            mode: if self.inside.is_some() { Mode::InProcess } else { Mode::ExactlyOnce },
        }
    }
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

/// Keeps the private Postgres until the end. Should it end by itself, so does this.
async fn look_after(
    postgres: Option<Postgres>,
    stopping: tokio_util::sync::CancellationToken,
) -> Result<ExitCode, Failure> {
    let Some(mut postgres) = postgres else { return Ok(ExitCode::SUCCESS) };
    loop {
        tokio::select! {
            () = stopping.cancelled() => break,
            () = tokio::time::sleep(POSTGRES_LOOK) => {}
        }
        if postgres.ended() {
            stopping.cancel();
            return Err(Failure::fault(&PostgresEnded { log: postgres.log() }));
        }
    }
    Ok(ExitCode::SUCCESS)
}
