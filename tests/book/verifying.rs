//! Every way to change history, and that `verify` names the first position at which it was changed, as the verifier in Python
//! does, which was written from the specification alone.

use chrono::TimeDelta;
use eventstore::{Book, Extent, Fault, Hash, Point, Position, VerifyError, verify};
use sqlx::ConnectOptions as _;
use support::Database;

use super::{append, book, book_of, cart, check_whole, event, events, insert_by_hand, python, tamper, writer};

async fn first_fault(book: &Book, extent: Extent) -> Option<(i64, Fault)> {
    match verify(book, extent, |_| ()).await {
        Ok(_) => None,
        Err(VerifyError::Bad { position, fault }) => Some((position.0, fault)),
        Err(error) => panic!("{error:?}"),
    }
}

/// What both verifiers find in the whole book, `known` being a page that was noted before.
async fn agreed_fault(database: &Database, known: Option<Point>) -> Option<(i64, Fault)> {
    let fault = first_fault(&book(database), Extent { expected: known, ..Extent::default() }).await;
    let known = known.map(|point| format!("{}:{}", point.position, point.hash));
    let output = python::run(&python::export(database).await, known.as_deref()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    let named =
        said.strip_prefix("position ").and_then(|said| said.split(':').next()).map(|named| named.parse().unwrap());
    assert_eq!(named, fault.as_ref().map(|(position, _)| *position), "{fault:?}; in Python: {said}");
    assert_eq!(output.status.code(), Some(i32::from(named.is_some())), "{said}");
    fault
}

/// After this tampering with a book of ten events, this is the first bad position.
async fn check_found(statements: &str, position: i64, fault: Fault) {
    let (database, _) = book_of(10).await;
    tamper(&database, statements).await;
    assert_eq!(agreed_fault(&database, None).await, Some((position, fault)), "{statements}");
}

#[tokio::test]
async fn a_whole_book_passes_and_tells_of_its_progress() {
    let (_database, book) = book_of(10).await;
    let mut progress = Vec::new();
    let verified = verify(&book, Extent::default(), |position| progress.push(position)).await.unwrap();
    assert_eq!(verified.events, 10);
    assert_eq!(verified.head, book.head().await.unwrap().point);
    assert_eq!(progress, [Position(10)]);
}

#[tokio::test]
async fn an_edited_field_is_found_where_it_was_edited() {
    for change in [
        "payload = '{\"sku\": \"85123A\", \"quantity\": 400, \"name\": \"Café\"}'",
        "metadata = '{}'",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "event_type = 'cart.item_removed'",
        "schema_version = 2",
        "category = 'order'",
        "stream_id = '00000000-0000-0000-0000-000000000009'",
        "stream_version = 400",
        "hash = sha256('')",
    ] {
        check_found(&format!("UPDATE book.events SET {change} WHERE position = 4"), 4, Fault::Chain).await;
    }
}

#[tokio::test]
async fn a_deleted_event_is_found_missing() {
    check_found("DELETE FROM book.events WHERE position = 4", 4, Fault::Missing).await;
    check_found("DELETE FROM book.events WHERE position IN (4, 7)", 4, Fault::Missing).await;
    check_found("DELETE FROM book.events WHERE position = 0", 0, Fault::Missing).await;
    check_found("DELETE FROM book.events", 0, Fault::Missing).await;
}

#[tokio::test]
async fn swapped_and_inserted_events_are_found() {
    let swap = "UPDATE book.events SET position = 400 WHERE position = 4;
                UPDATE book.events SET position = 4 WHERE position = 5;
                UPDATE book.events SET position = 5 WHERE position = 400";
    check_found(swap, 4, Fault::Chain).await;
    let close_the_gap = "DELETE FROM book.events WHERE position = 4;
                         UPDATE book.events SET position = -position + 1000 WHERE position > 4;
                         UPDATE book.events SET position = 999 - position WHERE position > 100";
    check_found(close_the_gap, 4, Fault::Chain).await;
    let twice = "ALTER TABLE book.events DROP CONSTRAINT events_position_key,
                     DROP CONSTRAINT events_stream_version_key;
                 INSERT INTO book.events SELECT * FROM book.events WHERE position = 4";
    check_found(twice, 4, Fault::Twice).await;
}

#[tokio::test]
async fn the_title_page_is_part_of_the_chain() {
    check_found("UPDATE book.events SET stream_id = gen_random_uuid() WHERE position = 0", 0, Fault::Chain).await;
    check_found("UPDATE book.events SET payload = '{}' WHERE position = 0", 0, Fault::Chain).await;
}

#[tokio::test]
async fn a_cut_off_tail_is_seen_against_a_known_head_and_only_then() {
    let (database, book) = book_of(10).await;
    let known = book.head().await.unwrap().point;
    tamper(&database, "DELETE FROM book.events WHERE position > 8").await;
    check_whole(&book, 8).await;
    let fault = Fault::NotAsExpected { expected: known.hash, found: None };
    assert_eq!(agreed_fault(&database, Some(known)).await, Some((10, fault)));
}

#[tokio::test]
async fn a_rewritten_tail_is_seen_against_a_known_head_and_only_then() {
    let (database, book) = book_of(10).await;
    let known = book.head().await.unwrap().point;
    tamper(&database, "DELETE FROM book.events WHERE position > 8").await;
    append(&mut writer(&database).await, &[event(&cart(1), 9), event(&cart(1), 10)]).await;
    check_whole(&book, 10).await;
    let found = Some(book.head().await.unwrap().point.hash);
    let fault = Fault::NotAsExpected { expected: known.hash, found };
    assert_eq!(agreed_fault(&database, Some(known)).await, Some((10, fault)));
}

#[tokio::test]
async fn a_known_point_of_the_past_is_still_a_page_of_a_book_that_grew() {
    let (database, book) = book_of(10).await;
    let known = book.head().await.unwrap().point;
    append(&mut writer(&database).await, &[event(&cart(1), 11)]).await;
    assert_eq!(agreed_fault(&database, Some(known)).await, None);
    let never_was = Point { position: Position(5), hash: Hash::ZERO };
    let (position, _) = agreed_fault(&database, Some(never_was)).await.unwrap();
    assert_eq!(position, 5);
}

#[tokio::test]
async fn a_stretch_of_the_book_can_be_walked_alone() {
    let (database, book) = book_of(10).await;
    tamper(&database, "UPDATE book.events SET metadata = '{}' WHERE position = 4").await;
    let stretch = |from, to| Extent { from: Position(from), to: Some(Position(to)), expected: None };
    assert_eq!(first_fault(&book, stretch(0, 3)).await, None);
    assert_eq!(first_fault(&book, stretch(2, 4)).await, Some((4, Fault::Chain)));
    assert_eq!(first_fault(&book, stretch(5, 10)).await, None);
    assert_eq!(verify(&book, stretch(5, 10), |_| ()).await.unwrap().events, 6);
    assert_eq!(first_fault(&book, stretch(5, 11)).await, Some((11, Fault::Missing)));
}

#[tokio::test]
async fn a_stream_that_skips_a_version_is_found_though_its_hashes_are_right() {
    let database = Database::fresh().await;
    let mut writer = writer(&database).await;
    append(&mut writer, &[event(&cart(1), 1), event(&cart(2), 1), event(&cart(1), 3), event(&cart(2), 2)]).await;
    append(&mut writer, &[event(&cart(1), 2)]).await;
    let fault = Fault::StreamVersion { stream: cart(1), expected: 2, found: 3 };
    assert_eq!(agreed_fault(&database, None).await, Some((3, fault)));

    // The first bad position is named, of whatever kind.
    tamper(&database, "UPDATE book.events SET metadata = '{}' WHERE position = 4").await;
    assert_eq!(agreed_fault(&database, None).await.unwrap().0, 3);
    tamper(&database, "UPDATE book.events SET metadata = '{}' WHERE position = 2").await;
    assert_eq!(agreed_fault(&database, None).await, Some((2, Fault::Chain)));
}

#[tokio::test]
async fn a_time_that_goes_back_is_found_though_the_hashes_are_right() {
    let database = Database::fresh().await;
    let head = append(&mut writer(&database).await, &events(2)).await.head();
    let mut connection = database.app_options().connect().await.unwrap();
    let earlier = head.recorded_at - TimeDelta::microseconds(1);
    insert_by_hand(&mut connection, &head, &event(&cart(1), 3), earlier).await;
    let fault = Fault::RecordedBefore(head.recorded_at);
    assert_eq!(agreed_fault(&database, None).await, Some((3, fault)));
}
