//! Snapshots beside the book: what is read from one, and what makes one of no use.

use eventstore::{
    Book, Draft, Hash, Point, Position, StreamId, Writer,
    snapshot::{Flaw, History, Nearest, Snapshot, Snapshots, Stale, Wanted},
};
use support::Database;

use super::{append, append_only::check_all, book, cart, event, tamper, writer};

const FORM: i32 = 3;

struct Shelf {
    database: Database,
    writer: Writer,
    book: Book,
    snapshots: Snapshots,
}

impl Shelf {
    /// A book with events 1 to 6 of one cart and 1 to 2 of another.
    async fn filled() -> (Self, Draft) {
        let database = Database::fresh().await;
        let (mut writer, book) = (writer(&database).await, book(&database));
        let events: Vec<_> = [(1, 1), (2, 1), (1, 2), (1, 3), (2, 2), (1, 4), (1, 5), (1, 6)]
            .into_iter()
            .map(|(stream, version)| event(&cart(stream), version))
            .collect();
        let appended = append(&mut writer, &events).await;
        let snapshots = Snapshots::of(&book);
        (Self { database, writer, book, snapshots }, appended)
    }

    async fn read(&self, wanted: &[Wanted], up_to: i64) -> Vec<History> {
        self.book.histories(wanted, Position(up_to), 100).await.unwrap()
    }

    async fn one(&self, wanted: Wanted) -> History {
        self.read(&[wanted], 100).await.remove(0)
    }

    /// The first cart's snapshot is of no use for this reason, and its events are there all the same.
    #[track_caller]
    fn check_fails(&self, flaw: Flaw) -> impl Future<Output = Stale> + use<'_> {
        let caller = std::panic::Location::caller();
        async move {
            let history = self.one(of(&cart(1))).await;
            let Nearest::Fails { stale, flaw: found, events_follow_it } = &history.snapshot else {
                panic!("at {caller}: {:?}", history.snapshot)
            };
            assert_eq!(*found, flaw, "at {caller}");
            let first = if *events_follow_it { 4 } else { 1 };
            assert_eq!(versions(&history), Vec::from_iter(first..=6), "at {caller}");
            stale.clone()
        }
    }

    async fn change(&self, statement: &'static str) {
        let changed = sqlx::query(statement).execute(&self.database.app).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{statement}");
    }
}

fn of(stream: &StreamId) -> Wanted {
    Wanted { stream: stream.clone(), state_version: Some(FORM), after: 0 }
}

/// The first cart at its third event, which has position 4.
fn third(appended: &Draft) -> Snapshot {
    Snapshot {
        stream: cart(1),
        stream_version: 3,
        point: Point { position: Position(4), hash: appended.hashes()[3] },
        state_version: FORM,
        state: b"three".to_vec(),
        taken_at: appended.head().recorded_at,
    }
}

/// And at its sixth.
fn sixth(appended: &Draft) -> Snapshot {
    let point = Point { position: Position(8), hash: appended.hashes()[7] };
    Snapshot { stream_version: 6, point, state: b"six".to_vec(), ..third(appended) }
}

fn versions(history: &History) -> Vec<i64> {
    history.events.iter().map(|event| event.stream_version).collect()
}

#[track_caller]
fn held(history: &History) -> &Snapshot {
    let Nearest::Holds { snapshot, .. } = &history.snapshot else { panic!("{:?}", history.snapshot) };
    snapshot
}

#[tokio::test]
async fn a_snapshot_comes_back_as_it_was_with_the_events_after_it() {
    let (shelf, appended) = Shelf::filled().await;
    assert!(shelf.snapshots.put(&third(&appended)).await.unwrap());
    let none = Wanted { state_version: None, after: 4, ..of(&cart(1)) };
    let read = shelf.read(&[of(&cart(2)), of(&cart(1)), of(&cart(3)), none, of(&cart(1))], 100).await;
    let found: Vec<_> = read.iter().map(versions).collect();
    assert_eq!(found, [vec![1, 2], vec![4, 5, 6], vec![], vec![5, 6], vec![4, 5, 6]]);
    assert_eq!(*held(&read[1]), third(&appended));
    let Nearest::Holds { recorded_at, .. } = read[4].snapshot else { panic!("{read:?}") };
    assert_eq!(recorded_at, appended.head().recorded_at);
    for unsnapped in [0, 2, 3] {
        assert!(matches!(read[unsnapped].snapshot, Nearest::None), "{unsnapped}");
    }
    assert!(read[1].events.iter().all(|event| event.stream == cart(1)));
    assert_eq!(read[0].events[1].hash, appended.hashes()[4]);
}

#[tokio::test]
async fn of_the_events_after_it_as_many_are_read_as_are_asked_for() {
    let (shelf, appended) = Shelf::filled().await;
    assert_eq!(versions(&shelf.book.histories(&[of(&cart(1))], Position(100), 2).await.unwrap()[0]), [1, 2]);
    shelf.snapshots.put(&third(&appended)).await.unwrap();
    assert_eq!(versions(&shelf.book.histories(&[of(&cart(1))], Position(100), 2).await.unwrap()[0]), [4, 5]);
}

#[tokio::test]
async fn a_reader_as_of_an_earlier_position_takes_no_later_snapshot_and_harms_none() {
    let (shelf, appended) = Shelf::filled().await;
    shelf.snapshots.put(&third(&appended)).await.unwrap();
    let before = shelf.read(&[of(&cart(1))], 3).await.remove(0);
    assert!(matches!(before.snapshot, Nearest::Ahead));
    assert_eq!(versions(&before), [1, 2]);
    let just_then = shelf.read(&[of(&cart(1))], 4).await.remove(0);
    assert_eq!((held(&just_then), versions(&just_then)), (&third(&appended), vec![]));
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_a_checksum_that_does_not_hold() {
    let (shelf, appended) = Shelf::filled().await;
    for change in [
        "UPDATE book.snapshots SET state = set_byte(state, 2, get_byte(state, 2) # 1)",
        "UPDATE book.snapshots SET state = ''",
        "UPDATE book.snapshots SET checksum = set_byte(checksum, 31, get_byte(checksum, 31) # 128)",
        "UPDATE book.snapshots SET hash = set_byte(hash, 0, get_byte(hash, 0) # 1)",
        "UPDATE book.snapshots SET position = position + 2",
        "UPDATE book.snapshots SET state_version = state_version + 1",
        "UPDATE book.snapshots SET state_version = state_version - 1",
        "UPDATE book.snapshots SET taken_at = taken_at + interval '1 microsecond'",
    ] {
        assert!(shelf.snapshots.put(&third(&appended)).await.unwrap(), "{change}");
        shelf.change(change).await;
        let stale = shelf.check_fails(Flaw::Checksum).await;
        shelf.snapshots.delete(&stale).await.unwrap();
        assert!(matches!(shelf.one(of(&cart(1))).await.snapshot, Nearest::None), "{change}");
    }
}

#[tokio::test]
async fn the_snapshot_of_another_stream_or_version_is_seen_through() {
    let (shelf, appended) = Shelf::filled().await;
    shelf.snapshots.put(&third(&appended)).await.unwrap();
    shelf.change("UPDATE book.snapshots SET stream_version = stream_version - 1").await;
    let history = shelf.one(of(&cart(1))).await;
    assert!(matches!(history.snapshot, Nearest::Fails { flaw: Flaw::Checksum, events_follow_it: true, .. }));
    shelf
        .change("UPDATE book.snapshots SET stream_version = 3, stream_id = '00000000-0000-0000-0000-000000000002'")
        .await;
    let history = shelf.one(of(&cart(2))).await;
    assert!(matches!(history.snapshot, Nearest::Fails { flaw: Flaw::Checksum, .. }));
}

#[tokio::test]
async fn a_state_of_an_earlier_form_is_discarded_and_one_of_a_later_form_left_alone() {
    let (shelf, appended) = Shelf::filled().await;
    shelf.snapshots.put(&Snapshot { state_version: FORM - 1, ..third(&appended) }).await.unwrap();
    shelf.check_fails(Flaw::StateVersion).await;
    // At the same position: whoever writes another form may replace it.
    assert!(shelf.snapshots.put(&Snapshot { state_version: FORM + 1, ..third(&appended) }).await.unwrap());
    let history = shelf.one(of(&cart(1))).await;
    assert!(matches!(history.snapshot, Nearest::OfLater), "{:?}", history.snapshot);
    assert_eq!(versions(&history), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn a_snapshot_of_a_page_that_is_not_in_the_book_is_neither_written_nor_used() {
    let (mut shelf, appended) = Shelf::filled().await;
    let elsewhere = Point { hash: Hash([9; 32]), ..third(&appended).point };
    assert!(!shelf.snapshots.put(&Snapshot { point: elsewhere, ..third(&appended) }).await.unwrap());
    let ahead = Point { position: Position(9), ..third(&appended).point };
    assert!(!shelf.snapshots.put(&Snapshot { point: ahead, ..third(&appended) }).await.unwrap());

    // The book goes back behind the snapshot.
    shelf.snapshots.put(&sixth(&appended)).await.unwrap();
    tamper(&shelf.database, "DELETE FROM book.events WHERE position > 5").await;
    let history = shelf.read(&[of(&cart(1))], 5).await.remove(0);
    assert!(matches!(history.snapshot, Nearest::Fails { flaw: Flaw::NotInTheBook, events_follow_it: false, .. }));
    assert_eq!(versions(&history), [1, 2, 3]);
    // Another history takes its positions.
    let events: Vec<_> = (4..=6).map(|version| event(&cart(1), version)).collect();
    let again = append(&mut shelf.writer, &events).await;
    assert_eq!(again.head().point.position, Position(8));
    shelf.check_fails(Flaw::NotInTheBook).await;
    // What is true may take the place of what is not, though it is of an earlier position.
    assert!(shelf.snapshots.put(&third(&appended)).await.unwrap());
    assert_eq!(held(&shelf.one(of(&cart(1))).await), &third(&appended));
}

#[tokio::test]
async fn a_later_snapshot_takes_the_place_of_an_earlier_one_and_never_the_other_way_round() {
    let (shelf, appended) = Shelf::filled().await;
    let (third, sixth) = (third(&appended), sixth(&appended));
    assert!(shelf.snapshots.put(&third).await.unwrap());
    assert!(shelf.snapshots.put(&sixth).await.unwrap());
    assert!(!shelf.snapshots.put(&third).await.unwrap());
    assert!(!shelf.snapshots.put(&sixth).await.unwrap());
    assert_eq!(held(&shelf.one(of(&cart(1))).await), &sixth);
    // Of what was found to be of no use, nothing is left to delete.
    shelf.snapshots.delete(&Stale::from(&third)).await.unwrap();
    assert_eq!(held(&shelf.one(of(&cart(1))).await), &sixth);
    shelf.snapshots.delete(&Stale::from(&sixth)).await.unwrap();
    assert!(matches!(shelf.one(of(&cart(1))).await.snapshot, Nearest::None));
}

#[tokio::test]
async fn the_servers_role_may_change_snapshots_and_not_empty_their_table() {
    let (shelf, appended) = Shelf::filled().await;
    shelf.snapshots.put(&third(&appended)).await.unwrap();
    let allowed = ["UPDATE book.snapshots SET state = ''", "DELETE FROM book.snapshots"];
    check_all(&shelf.database.app, &allowed, "none").await;
    let refused = ["TRUNCATE book.snapshots", "DROP TABLE book.snapshots", "DELETE FROM book.events WHERE false"];
    check_all(&shelf.database.app, &refused, "42501").await;
}

#[tokio::test]
async fn a_snapshot_of_bytes_that_are_no_text_comes_back_as_it_was() {
    let (shelf, appended) = Shelf::filled().await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let snapshot = Snapshot { state: bytes, ..third(&appended) };
    shelf.snapshots.put(&snapshot).await.unwrap();
    assert_eq!(held(&shelf.one(of(&cart(1))).await), &snapshot);
}
