//! The append when nothing goes wrong, and what can be read afterwards.

use chrono::{DateTime, TimeDelta, Utc};
use eventstore::{Hash, Position, StreamId};
use support::Database;
use uuid::Uuid;

use support::append::AppendAfter;

use super::{all, append, book, book_of, cart, check_whole, event, events, key, writer};

#[tokio::test]
async fn a_new_book_has_a_title_page_that_chains_to_zeros() {
    let database = Database::fresh().await;
    let book = book(&database);
    let title = book.title().await.unwrap();
    let page = book.page(Position(-1), 10).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].position, Position::TITLE);
    assert_eq!(page[0].hash_after(Hash::ZERO), page[0].hash);
    assert_eq!(page[0].stream, StreamId::new("book", title.book_id));
    assert_eq!(page[0].recorded_at, title.opened_at);
    assert_eq!(title.hash_specification, 1);
    assert_eq!(book.head().await.unwrap().point, title.point());
    check_whole(&book, 0).await;
}

#[tokio::test]
async fn events_get_the_positions_after_the_head_and_are_read_as_they_were_written() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let written = events(3);
    let seen = writer.head().await.unwrap();
    let now = Utc::now();
    let appended = writer.append_after(&seen, now, &written, &[]).await.unwrap();

    let book = book(&database);
    let read = all(&book).await;
    assert_eq!(read.len(), 3);
    for (index, (read, written)) in read.iter().zip(&written).enumerate() {
        assert_eq!(read.position.0, i64::try_from(index).unwrap() + 1);
        assert_eq!(read.stream, written.stream);
        assert_eq!(read.stream_version, written.stream_version);
        assert_eq!(read.event_type, written.event_type);
        assert_eq!(read.payload, written.payload, "to the byte, its spaces too");
        assert_eq!(read.metadata, written.metadata);
        assert_eq!(read.recorded_at.timestamp_micros(), now.timestamp_micros());
        assert_eq!(read.hash, appended.hashes()[index]);
    }
    assert_eq!(appended.head(), book.head().await.unwrap());
    assert_eq!(appended.head(), writer.head().await.unwrap());
    check_whole(&book, 3).await;
}

#[tokio::test]
async fn recorded_at_does_not_go_back_when_the_clock_does() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let first = append(&mut writer, &[event(&cart(1), 1)]).await;
    let earlier = Utc::now() - TimeDelta::hours(1);
    let second = writer.append_after(&first.head(), earlier, &[event(&cart(1), 2)], &[]).await.unwrap();
    assert_eq!(second.head().recorded_at, first.head().recorded_at);
    check_whole(&book(&database), 2).await;
}

#[tokio::test]
async fn keys_are_stored_with_their_outcome_and_found_by_scope_and_key() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let keys = [key("first", Position(1)), key("second", Position(2))];
    writer.append_after(&seen, Utc::now(), &events(2), &keys).await.unwrap();

    let wanted = |key: &str| ("test".to_owned(), key.to_owned());
    let other_scope = ("another".to_owned(), "first".to_owned());
    let mut found = writer.keys(&[wanted("second"), wanted("third"), wanted("first"), other_scope]).await.unwrap();
    found.sort_by_key(|stored| stored.position);
    let found: Vec<_> = found.iter().map(|stored| (stored.key.as_str(), stored.position)).collect();
    assert_eq!(found, [("first", Position(1)), ("second", Position(2))]);

    let stored = &writer.keys(&[wanted("first")]).await.unwrap()[0];
    assert_eq!(stored.fingerprint, [7; 32]);
    assert_eq!(stored.outcome, r#"{"status": 201}"#);
}

#[tokio::test]
async fn expired_keys_are_deleted_and_those_that_never_expire_are_not() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let seen = writer.head().await.unwrap();
    let now = Utc::now();
    let expiring = |name: &str, at: DateTime<Utc>| {
        let mut key = key(name, Position(1));
        key.expires_at = Some(at);
        key
    };
    let keys = [
        key("for ever", Position(1)),
        expiring("past", now - TimeDelta::seconds(1)),
        expiring("future", now + TimeDelta::days(7)),
    ];
    writer.append_after(&seen, now, &events(1), &keys).await.unwrap();
    let book = book(&database);
    assert_eq!(book.delete_expired_keys(now, 100).await.unwrap(), 1);
    let wanted = ["for ever", "past", "future"].map(|key| ("test".to_owned(), key.to_owned()));
    let mut left: Vec<_> = writer.keys(&wanted).await.unwrap().into_iter().map(|stored| stored.key).collect();
    left.sort();
    assert_eq!(left, ["for ever", "future"]);
}

#[tokio::test]
async fn streams_are_read_together_in_order_and_up_to_a_position() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    let interleaved = [
        event(&cart(2), 1),
        event(&cart(1), 1),
        event(&cart(2), 2),
        event(&StreamId::new("order", Uuid::from_u128(1)), 1),
        event(&cart(2), 3),
    ];
    append(&mut writer, &interleaved).await;
    let book = book(&database);
    let unknown = cart(3);
    let read = book.streams(&[cart(2), unknown, cart(1)], Position(4)).await.unwrap();
    let read: Vec<_> = read.iter().map(|event| (event.stream.clone(), event.stream_version)).collect();
    assert_eq!(read, [(cart(1), 1), (cart(2), 1), (cart(2), 2)]);

    let versions = |events: Vec<eventstore::RecordedEvent>| -> Vec<i64> {
        events.iter().map(|event| event.stream_version).collect()
    };
    assert_eq!(versions(book.stream(&cart(2), None).await.unwrap()), [1, 2, 3]);
    assert_eq!(versions(book.stream(&cart(2), Some(Position(3))).await.unwrap()), [1, 2]);
}

#[tokio::test]
async fn pages_are_bounded_and_continue_where_the_last_one_ended() {
    let (_database, book) = book_of(5).await;
    let positions =
        |events: Vec<eventstore::RecordedEvent>| -> Vec<i64> { events.iter().map(|event| event.position.0).collect() };
    assert_eq!(positions(book.page(Position(0), 2).await.unwrap()), [1, 2]);
    assert_eq!(positions(book.page(Position(2), 2).await.unwrap()), [3, 4]);
    assert_eq!(positions(book.page(Position(5), 2).await.unwrap()), [0_i64; 0]);
}
