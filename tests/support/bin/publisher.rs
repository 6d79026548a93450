//! Runs a publisher as a process that a test can kill or freeze. Prints a line such as `Running 10` whenever its state or the
//! position it has published changes.

use std::io::Write as _;

use eventstore::publisher::{Mode, Publisher, PublisherConfig, PublisherState};
use eventstore::{Book, HeadWatch};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, prefix, database_url] = &arguments[..] else {
        return Err("usage: publisher BROKERS PREFIX DATABASE_URL".into());
    };
    let config = PublisherConfig {
        brokers: brokers.clone(),
        prefix: prefix.clone(),
        partitions: 4,
        replication: 1,
        categories: vec!["cart", "order", "payment"],
        mode: Mode::ExactlyOnce,
    };
    let book = Book::new(sqlx::PgPool::connect(database_url).await?);
    let publisher = Publisher::new(config, book);
    let mut status = publisher.status();
    let running = tokio::spawn(publisher.run(HeadWatch::new(), CancellationToken::new()));
    while status.changed().await.is_ok() {
        let line = {
            let status = status.borrow_and_update();
            let state = match &status.state {
                PublisherState::Starting => "Starting",
                PublisherState::Running => "Running",
                PublisherState::StandingBy => "StandingBy",
                PublisherState::Retrying { reason } => reason,
                PublisherState::Refused { reason } => reason,
                PublisherState::Stopped => "Stopped",
            };
            format!("{state} {}\n", status.published)
        };
        std::io::stdout().write_all(line.as_bytes())?;
    }
    Ok(running.await?)
}
