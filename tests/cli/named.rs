//! `daybook dev` with a Postgres and a Kafka that are named: they stand in for its own.

use std::fs;

use serde_json::Value;
use support::Database;

use super::program::{Place, Running, ask, daybook, until};

#[tokio::test]
async fn a_named_postgres_holds_the_book_in_place_of_a_private_one() {
    let database = Database::empty().await;
    let place = Place::new();
    let mut command = daybook(&["dev", "--listen", "127.0.0.1:0"]);
    let dev = Running::dev_of(command.env("DATABASE_URL", database.owner_url()).current_dir(place.path()));
    assert_eq!(dev.value("postgres"), database.owner_url());
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM book.events").fetch_one(&database.owner).await.unwrap();
    assert!(events > 1, "the demo catalogue is in it");
    assert!(!place.data().join("postgres").exists());
    let (status, products) = ask(&format!("{}/v1/products", dev.value("api")), &[]);
    assert_eq!(status, 200, "{products}");
    dev.stop();
}

#[tokio::test]
async fn a_named_kafka_is_published_to_exactly_once() {
    let Some(kafka) = support::kafka().await else { return };
    let place = Place::new();
    let prefix = kafka.topic_prefix();
    let start = || {
        let mut command = daybook(&["dev", "--listen", "127.0.0.1:0", "--topic-prefix", &prefix]);
        Running::dev_of(command.env("KAFKA_BROKERS", kafka.brokers()).current_dir(place.path()))
    };
    let dev = start();
    assert_eq!(dev.value("kafka"), kafka.brokers());
    assert!(dev.value("kcat").contains(&format!("-t {prefix}.order ")));
    let addresses = fs::read_to_string(place.data().join("addresses")).unwrap();
    assert!(addresses.contains(&format!("kafka: {}\n", kafka.brokers())), "{addresses}");
    published(&dev);
    dev.stop();
    // It goes on where it was, and repeats nothing.
    let dev = start();
    published(&dev);
    dev.stop();
    let Some(mut consumer) = kafka.console_consumer(&format!("{prefix}.product"), 16) else { return };
    let records = String::from_utf8(consumer.output().unwrap().stdout).unwrap();
    let positions: Vec<&str> = records.lines().filter_map(|line| line.split("ce_position:").nth(1)).collect();
    let mut positions: Vec<&str> = positions.iter().filter_map(|rest| rest.split(',').next()).collect();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions.len(), 16, "{records}");
}

/// Until the book is in Kafka, as the metrics say it.
fn published(dev: &Running) {
    let metrics = format!("{}/metrics", dev.value("admin"));
    let (_, ready) = ask(&format!("{}/health/ready", dev.value("api")), &[]);
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["status"], "ready", "{ready}");
    until("the book is published", || {
        let (_, text) = ask(&metrics, &[]);
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        value("daybook_publisher_lag_events ") == Some(0.0) && value("daybook_publisher_position ") > Some(0.0)
    });
}
