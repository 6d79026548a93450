//! The brokers: the one inside this process takes and gives records, and so does the real one, with transactions.

use api::servers::mock_broker::MockBroker;
use rdkafka::{
    ClientConfig, Message as _,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use support::jars;

const WITHIN: Duration = Duration::from_secs(30);

fn produce(brokers: &str, topic: &str, transactional_id: Option<&str>, values: &[&str]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    if let Some(id) = transactional_id {
        config.set("transactional.id", id);
    }
    let producer: ThreadedProducer<DefaultProducerContext> = config.create().unwrap();
    if transactional_id.is_some() {
        producer.init_transactions(WITHIN).unwrap();
        producer.begin_transaction().unwrap();
    }
    for value in values {
        producer.send(BaseRecord::to(topic).key("key").payload(*value)).unwrap();
    }
    match transactional_id {
        Some(_) => producer.commit_transaction(WITHIN).unwrap(),
        None => producer.flush(WITHIN).unwrap(),
    }
}

fn consume(brokers: &str, topic: &str, count: usize) -> Vec<String> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", topic).set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let asked = Instant::now();
    let mut values = Vec::new();
    while values.len() < count && asked.elapsed() < WITHIN {
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            let message = message.unwrap();
            values.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
    }
    values
}

#[test]
fn the_broker_inside_this_process_gives_back_what_it_was_given() {
    let broker = MockBroker::start().unwrap();
    broker.create_topic("daybook.order", 3).unwrap();
    produce(broker.address(), "daybook.order", None, &["one", "two"]);
    assert_eq!(consume(broker.address(), "daybook.order", 2), ["one", "two"]);
}

#[tokio::test]
async fn a_reader_that_is_not_ours_reads_a_committed_transaction_from_the_real_broker() {
    let Some(kafka) = support::kafka().await else { return };
    let topic = format!("{}.order", kafka.topic_prefix());
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", kafka.brokers()).create().unwrap();
    let new = NewTopic::new(&topic, 1, TopicReplication::Fixed(1));
    admin.create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    produce(kafka.brokers(), &topic, Some(&topic), &["one", "two"]);

    let Some(mut consumer) = kafka.console_consumer(&topic, 2) else { return };
    let output = consumer.output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        ["Partition:0\tOffset:0\tNO_HEADERS\tkey\tone", "Partition:0\tOffset:1\tNO_HEADERS\tkey\ttwo"],
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn a_real_broker_stops_when_whoever_started_it_closes_its_input() {
    if support::kafka().await.is_none() || jars::class_path().is_err() {
        return;
    }
    let mut holder =
        Command::new(env!("CARGO_BIN_EXE_kafka")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("kafka: ").unwrap().to_owned();
    std::net::TcpStream::connect(&address).unwrap();

    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    assert!(std::net::TcpStream::connect(&address).is_err());
}
