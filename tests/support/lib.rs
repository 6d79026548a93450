//! What the tests stand on: one real Postgres and one real Kafka a run, a fresh database and a topic prefix a test.
//!
//! - [`stripe`]: a payment provider that answers over HTTP, and may do so badly
//! - [`metrics`]: what was counted meanwhile
//! - [`scratch`]: folders under Cargo's target folder, swept by the next run
//! - [`postgres`]: the cluster of the run and its databases
//! - [`cluster`]: a cluster of one test's own, to be killed, followed and restored
//! - [`append`]: events put straight into a book
//! - [`mod@kafka`]: the broker of the run; [`jars`]: where its program comes from

pub mod append;
pub mod cluster;
pub mod jars;
pub mod kafka;
pub mod metrics;
pub mod postgres;
pub mod scratch;
pub mod stripe;

pub use cluster::Cluster;
pub use kafka::kafka;
pub use postgres::Database;
