//! A shop of the test's own that listens on a port: the router over a whole node, its publisher included.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use api::{
    app::App,
    auth::{keys::KeyRing, signing::open_or_create_dev_key, token::Authenticator},
    config::{Duty, POOL_CONNECTIONS},
    health::Health,
    load::instance::{Broker, Instance},
    node::{Node, NodeParts},
    server::Listener,
    servers::folder::Folder,
};
use commands::vault::MasterKey;
use domain::{money::Currency, registry::CATEGORIES};
use eventstore::publisher::{Mode, PublisherConfig};
use flate2::{Compression, write::GzEncoder};
use rdkafka::{
    ClientConfig, Offset,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    topic_partition_list::TopicPartitionList,
};
use sqlx::AssertSqlSafe;
use std::time::Duration;
use support::{Database, kafka::Kafka, scratch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARTITIONS: i32 = 2;
const ASK_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Shop {
    pub(super) instance: Instance,
    database: Database,
    node: Node,
    serving: JoinHandle<()>,
    stopping: CancellationToken,
    data: Folder,
}

/// The excerpt, gzipped, as `baskets.csv.gz` in a folder of its own.
pub(super) fn excerpt() -> Folder {
    baskets(include_bytes!("../data/baskets.csv"))
}

/// These lines, gzipped, as `baskets.csv.gz` in a folder of their own.
pub(super) fn baskets(lines: &[u8]) -> Folder {
    let folder = scratch::folder("baskets");
    let file = fs::File::create(folder.path().join("baskets.csv.gz")).unwrap();
    let mut gzip = GzEncoder::new(file, Compression::default());
    gzip.write_all(lines).unwrap();
    gzip.finish().unwrap();
    folder
}

impl Shop {
    pub(super) async fn open(kafka: &Kafka) -> Self {
        let topic_prefix = kafka.topic_prefix();
        let publisher = PublisherConfig {
            brokers: kafka.brokers().to_owned(),
            prefix: topic_prefix.clone(),
            partitions: PARTITIONS,
            replication: 1,
            categories: CATEGORIES.to_vec(),
            mode: Mode::ExactlyOnce,
        };
        let broker = Broker::At { address: kafka.brokers().to_owned(), topic_prefix };
        Self::start(Duty::ALL.to_vec(), Some(publisher), broker).await
    }

    /// Where nobody asks what Kafka was told.
    pub(super) async fn open_without_kafka() -> Self {
        Self::start(vec![Duty::Api, Duty::Projector, Duty::Processes], None, Broker::InProcess).await
    }

    async fn start(duties: Vec<Duty>, publisher: Option<PublisherConfig>, kafka: Broker) -> Self {
        let (database, data, stopping) = (Database::fresh().await, scratch::folder("load"), CancellationToken::new());
        let master_key = MasterKey::new("test".to_owned(), [7; 32]);
        let (database_options, pool_connections) = (database.app_options(), POOL_CONNECTIONS);
        let parts = NodeParts {
            database: database_options,
            pool_connections,
            duties,
            master_key,
            publisher,
            payments: Default::default(),
        };
        let health = Health::default();
        let node = Node::start(parts, &health).await.unwrap();
        let signer = open_or_create_dev_key(data.path()).unwrap();
        let mut keys = KeyRing::default();
        keys.add(signer.verifying_key()).unwrap();
        let auth = Arc::new(Authenticator::new(keys, Some(signer)));
        let app = App::new(auth, health, stopping.clone(), node.shop().clone(), Currency::GBP);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let instance = Instance {
            api: format!("http://{}", listener.address()).parse().unwrap(),
            data: data.path().to_owned(),
            postgres: database.app_url(),
            kafka,
        };
        let serving = tokio::spawn(listener.serve("api", api::router::build(app), stopping.clone()));
        Self { instance, database, node, serving, stopping, data }
    }

    pub(super) async fn close(self) {
        self.stopping.cancel();
        self.serving.await.unwrap();
        self.node.stop().await;
        fs::remove_dir_all(self.data.path()).unwrap();
    }

    pub(super) async fn as_owner(&self, statement: &str) {
        let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&self.database.owner).await.unwrap();
        assert_ne!(done.rows_affected(), 0, "{statement}");
    }

    pub(super) async fn define(&self, statements: &'static str) {
        sqlx::raw_sql(statements).execute(&self.database.owner).await.unwrap();
    }

    pub(super) async fn position_of(&self, event_type: &str) -> i64 {
        let first = "SELECT min(position) FROM book.events WHERE event_type = $1";
        sqlx::query_scalar(first).bind(event_type).fetch_one(&self.database.owner).await.unwrap()
    }

    pub(super) async fn remove_events(&self, condition: &str) {
        let statement = format!(
            "ALTER TABLE book.events DISABLE TRIGGER events_append_only;
             DELETE FROM book.events WHERE {condition};
             ALTER TABLE book.events ENABLE ALWAYS TRIGGER events_append_only;"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.database.owner).await.unwrap();
    }

    /// The one at the beginning of a partition: that is where Kafka lets go of records.
    pub(super) async fn remove_first_record(&self, kafka: &Kafka, category: &str) {
        let Broker::At { topic_prefix, .. } = &self.instance.kafka else { unreachable!("it publishes to a real one") };
        let topic = format!("{topic_prefix}.{category}");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", kafka.brokers());
        let consumer: BaseConsumer = config.create().unwrap();
        let filled = |partition: &i32| {
            let (low, high) = consumer.fetch_watermarks(&topic, *partition, ASK_WITHIN).unwrap();
            high > low
        };
        let partition = (0..PARTITIONS).find(filled).unwrap();
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&topic, partition, Offset::Offset(1)).unwrap();
        let admin: AdminClient<DefaultClientContext> = config.create().unwrap();
        let deleted = admin.delete_records(&offsets, &AdminOptions::new()).await.unwrap();
        deleted.find_partition(&topic, partition).unwrap().error().unwrap();
    }
}
