//! Followers: in order, without a gap, and loud when the book is not what it was.

use std::time::Duration;

use eventstore::{Book, Feed, FollowError, Follower, HeadWatch, Position};
use support::Database;

use super::{append, book, book_of, cart, event, tamper, writer};

async fn from_the_start(book: &Book) -> Follower {
    Follower::from(book.clone(), book.title().await.unwrap().point())
}

async fn check_stops(follower: &mut Follower, expected: fn(&FollowError) -> bool) {
    let at = follower.at();
    // Not once only: whoever asks again does not slip past.
    for _ in 0..2 {
        let stopped = follower.next_page(10).await.unwrap_err();
        assert!(expected(&stopped), "{stopped:?}");
        assert_eq!(follower.at(), at);
    }
}

#[tokio::test]
async fn a_follower_gets_every_event_once_in_pages_and_then_what_is_new() {
    let (database, book) = book_of(5).await;
    let mut follower = from_the_start(&book).await;
    let mut pages = Vec::new();
    loop {
        let page = follower.next_page(2).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages.push(page.iter().map(|event| event.position.0).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
    append(&mut writer(&database).await, &[event(&cart(2), 1)]).await;
    let page = follower.next_page(2).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(follower.at(), page[0].point());
    assert_eq!(follower.at(), book.head().await.unwrap().point);
}

#[tokio::test]
async fn a_follower_stops_at_a_gap() {
    let (database, book) = book_of(5).await;
    tamper(&database, "DELETE FROM book.events WHERE position = 3").await;
    let mut follower = from_the_start(&book).await;
    assert_eq!(follower.next_page(10).await.unwrap().len(), 2);
    check_stops(&mut follower, |error| matches!(error, FollowError::Gap { missing: Position(3), found: Position(4) }))
        .await;
}

#[tokio::test]
async fn a_follower_stops_where_the_chain_is_broken() {
    let (database, book) = book_of(5).await;
    tamper(&database, "UPDATE book.events SET metadata = '{}' WHERE position = 4").await;
    let mut follower = from_the_start(&book).await;
    assert_eq!(follower.next_page(10).await.unwrap().len(), 3);
    check_stops(&mut follower, |error| matches!(error, FollowError::Chain { position: Position(4) })).await;
}

#[tokio::test]
async fn a_follower_that_waits_at_the_head_is_told_when_the_book_went_back() {
    let (database, book) = book_of(5).await;
    let mut follower = Follower::from(book.clone(), book.head().await.unwrap().point);
    assert!(follower.next_page(10).await.unwrap().is_empty());
    tamper(&database, "DELETE FROM book.events WHERE position > 3").await;
    check_stops(&mut follower, |error| matches!(error, FollowError::BookWentBack { found: None, .. })).await;

    // And after others have written on from there, too.
    append(&mut writer(&database).await, &[event(&cart(2), 1), event(&cart(2), 2), event(&cart(2), 3)]).await;
    check_stops(&mut follower, |error| matches!(error, FollowError::BookWentBack { found: Some(_), .. })).await;
}

#[tokio::test]
async fn a_follower_whose_own_page_is_gone_names_it() {
    let (database, book) = book_of(5).await;
    let mut follower = from_the_start(&book).await;
    follower.next_page(10).await.unwrap();
    append(&mut writer(&database).await, &[event(&cart(2), 1)]).await;
    tamper(&database, "DELETE FROM book.events WHERE position = 5").await;
    check_stops(&mut follower, |error| matches!(error, FollowError::Gap { missing: Position(5), found: Position(6) }))
        .await;
}

#[tokio::test]
async fn followers_of_one_feed_read_the_book_once() {
    let (database, book) = book_of(5).await;
    let feed = Feed::new(book.clone());
    let start = book.title().await.unwrap().point();
    let (mut first, mut second) = (Follower::from(feed.clone(), start), Follower::from(feed, start));
    assert_eq!(first.next_page(10).await.unwrap().len(), 5);
    // What the first has read is still to be had, though the book no longer has it: nothing is read for the second.
    tamper(&database, "DELETE FROM book.events WHERE position = 4").await;
    assert_eq!(second.next_page(2).await.unwrap().len(), 2);
    assert_eq!(second.next_page(10).await.unwrap().len(), 3);
    assert_eq!(second.at(), first.at());
    let mut third = from_the_start(&book).await;
    assert_eq!(third.next_page(10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_follower_is_woken_by_the_writer_of_its_process_or_looks_by_itself() {
    let database = Database::fresh().await;
    let book = book(&database);
    let head = HeadWatch::new();
    let mut follower = from_the_start(&book).await;
    let mut writer = writer(&database).await;
    for publishes in [true, false] {
        let seen = follower.at().position.0;
        let new = [event(&cart(1), seen + 1)];
        let (page, ()) = tokio::join!(
            async {
                loop {
                    let page = follower.next_page(10).await.unwrap();
                    if !page.is_empty() {
                        break page;
                    }
                    follower.wait(&head).await;
                }
            },
            async {
                let appended = append(&mut writer, &new).await;
                if publishes {
                    head.publish(appended.head().point.position);
                }
            }
        );
        assert_eq!(page.len(), 1);
    }
    head.wait_beyond(Position::TITLE, Duration::from_secs(60)).await;
}
