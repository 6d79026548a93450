//! Kafka's own console consumer, which shares no line of code with us, sees keys, headers and payloads.

use eventstore::publisher::Publisher;

use super::books::{TestBook, config, drain};

#[tokio::test]
async fn a_consumer_that_is_not_ours_reads_keys_headers_and_payloads() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let book = TestBook::with_events(30).await;
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    drain(&mut publisher).await.unwrap();
    let orders: Vec<_> = book.events().await.into_iter().filter(|event| event.stream.category == "order").collect();
    let Some(mut console) = kafka.console_consumer(&format!("{prefix}.order"), orders.len()) else { return };
    let output = tokio::task::spawn_blocking(move || console.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), orders.len(), "{}", String::from_utf8_lossy(&output.stderr));
    lines.sort_by_key(|fields| header(fields[2], "ce_position").parse::<i64>().unwrap());
    for (fields, event) in lines.iter().zip(&orders) {
        let [_partition, _offset, headers, key, value] = fields[..] else { panic!("{fields:?}") };
        assert_eq!(key, event.stream.id.to_string());
        assert_eq!(value, event.payload);
        assert_eq!(header(headers, "ce_specversion"), "1.0");
        assert_eq!(header(headers, "ce_type"), "order.happened");
        assert_eq!(header(headers, "content-type"), "application/json");
        assert_eq!(header(headers, "ce_hash"), event.hash.to_string());
        assert!(headers.contains(&format!("ce_metadata:{}", event.metadata)));
    }
}

/// Of `name:value,name:value`; not for values with a comma.
fn header<'a>(headers: &'a str, name: &str) -> &'a str {
    let found = headers.split(',').find_map(|header| header.strip_prefix(name)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no {name} in {headers}"))
}
