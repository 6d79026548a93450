//! Starts a real Kafka, prints `kafka: 127.0.0.1:PORT`, and stops it when standard input ends or this program does.
//! `make year` publishes to it.

use std::io::Read as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let class_path = support::jars::class_path()?;
    let broker = support::kafka::Broker::start(support::scratch::folder("kafka"), &class_path).await;
    println!("kafka: {}", broker.address);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
