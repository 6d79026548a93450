//! The book into Kafka: one topic a category, in order, each event once.
//!
//! - `config`: what it is told, and its bounds; `error`: why it stops; `status`: what it tells
//! - `record`, `partition`: an event as a record, and where it goes
//! - `client`, `producer`, `reading`: librdkafka, which nothing outside this module knows
//! - `topics`, `progress`: what must be so in Kafka before anything is sent, and how far it came
//! - `session`: one life of the producer; `batch`: what it is given
//! - `once`: the publisher, a batch at a time; `run`: the publisher that keeps at it
//! - `asyncapi`: the topics as a document

pub mod asyncapi;
mod batch;
mod client;
mod config;
mod error;
mod once;
mod partition;
mod patience;
mod producer;
mod progress;
mod reading;
mod record;
mod run;
mod session;
mod status;
mod topics;

pub use config::{Mode, PublisherConfig};
pub use error::{PublishError, Refusal};
pub use once::Publisher;
pub use partition::partition_of;
pub use status::{PublisherState, PublisherStatus};
