use std::convert::Infallible;

use chrono::DateTime;
use eventstore::{Hash, Position, RecordedEvent, StreamId};
use uuid::Uuid;

use super::{Record, Topic};

type Partition = Vec<Record>;

const PARTITIONS: usize = 3;

/// Ten events of four streams at every other position: another category has those between.
fn book() -> Vec<RecordedEvent> {
    (1..=10)
        .map(|number: i64| RecordedEvent {
            position: Position(2 * number),
            stream: StreamId::new("order", Uuid::from_u128(number as u128 % 4)),
            stream_version: 1 + number / 4,
            event_type: "order.created".to_owned(),
            schema_version: 1,
            payload: format!(r#"{{"number":{number}}}"#),
            metadata: "{}".to_owned(),
            recorded_at: DateTime::UNIX_EPOCH,
            hash: Hash([number as u8; 32]),
        })
        .collect()
}

fn record(event: &RecordedEvent) -> Record {
    Record {
        position: event.position.0,
        key: event.stream.id.to_string().into_bytes(),
        hash: event.hash.to_string(),
        payload: event.payload.clone().into_bytes(),
    }
}

fn published(book: &[RecordedEvent]) -> [Partition; PARTITIONS] {
    let mut partitions = [const { Vec::new() }; PARTITIONS];
    for event in book {
        partitions[event.stream.id.as_u128() as usize % PARTITIONS].push(record(event));
    }
    partitions
}

/// `Ok` with the number of records, or the difference in words.
fn compare(book: &[RecordedEvent], partitions: [Partition; PARTITIONS]) -> Result<u64, String> {
    let records = partitions.map(|partition| partition.into_iter().map(Ok::<_, Infallible>));
    let mut topic = Topic::new("daybook.order".to_owned(), records);
    for event in book {
        topic.expect(event, || false).map_err(|error| error.to_string())?;
    }
    topic.finish(Position(21)).map_err(|error| error.to_string())?;
    Ok(topic.matched())
}

#[track_caller]
fn check(break_it: impl FnOnce(&mut [Partition; PARTITIONS]), expected: &str) {
    let book = book();
    let mut partitions = published(&book);
    break_it(&mut partitions);
    assert_eq!(compare(&book, partitions).unwrap_err(), format!("topic daybook.order {expected}"));
}

#[test]
fn a_topic_that_holds_the_category_passes() {
    let book = book();
    assert_eq!(compare(&book, published(&book)), Ok(10));
}

#[test]
fn records_that_were_published_after_the_head_are_not_looked_at() {
    let book = book();
    let mut partitions = published(&book);
    let later = Record { position: 22, ..partitions[0][0].clone() };
    partitions[0].push(later);
    assert_eq!(compare(&book, partitions), Ok(10));
}

#[test]
fn a_record_that_is_published_late_is_waited_for() {
    let book = book();
    let late = std::cell::RefCell::new(published(&book[..9])[2].split_off(0));
    let records = std::iter::from_fn(|| {
        Some(late.borrow_mut()).filter(|late| !late.is_empty()).map(|mut late| Ok::<_, Infallible>(late.remove(0)))
    });
    let mut topic = Topic::new("daybook.order".to_owned(), [records]);
    let mut waits = 0;
    for event in book.iter().filter(|event| event.stream.id.as_u128() == 2) {
        let publish = || {
            waits += 1;
            late.borrow_mut().push(record(event));
            true
        };
        topic.expect(event, publish).unwrap();
    }
    assert_eq!((topic.matched(), waits), (3, 1));
}

#[test]
fn a_missing_record_is_found_wherever_it_was() {
    check(|partitions| drop(partitions[1].remove(0)), "lacks position 2: its next is 4");
    check(|partitions| drop(partitions[2].remove(1)), "lacks position 12: its next is 14");
    check(|partitions| drop(partitions[2].pop()), "lacks position 20: it ends before");
}

#[test]
fn a_repeated_record_is_found() {
    check(|partitions| partitions[2].insert(1, partitions[2][0].clone()), "has position 4 after 4 in partition 2");
    check(
        |partitions| partitions[0].insert(0, partitions[1][0].clone()),
        "holds position 2, which is not its next (10 is)",
    );
}

#[test]
fn records_out_of_order_are_found() {
    check(|partitions| partitions[2].swap(0, 1), "lacks position 4: its next is 6");
}

#[test]
fn a_record_of_another_category_is_found() {
    let foreign = |partitions: &mut [Partition; PARTITIONS]| {
        let record = Record { position: 5, ..partitions[2][0].clone() };
        partitions[2].insert(1, record);
    };
    check(foreign, "holds position 5, which is not its next (12 is)");
    let last = |partitions: &mut [Partition; PARTITIONS]| {
        let record = Record { position: 21, ..partitions[2][0].clone() };
        partitions[2].push(record);
    };
    check(last, "holds position 21, which is not one of its category");
}

#[test]
fn other_bytes_are_found() {
    check(|partitions| partitions[0][0].payload.push(b' '), "has another payload at position 6");
    check(|partitions| partitions[0][0].hash = "00".to_owned(), "has another hash at position 6");
    check(|partitions| partitions[0][0].key.clear(), "has another key at position 6");
}

#[test]
fn a_stream_in_two_partitions_is_found() {
    let split = |partitions: &mut [Partition; PARTITIONS]| {
        let record = partitions[0].pop().unwrap();
        partitions[1].insert(2, record);
    };
    let stream = "order-00000000-0000-0000-0000-000000000000";
    check(split, &format!("has {stream} in the partitions 0 and 1"));
}
