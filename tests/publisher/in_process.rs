//! The broker inside this process: no transactions, no admin requests, filled from the first page.

use api::servers::mock_broker::MockBroker;
use eventstore::publisher::{Mode, Publisher, PublisherConfig};

use super::books::{TestBook, config, drain};
use super::topics::check_book;

#[tokio::test]
async fn the_broker_inside_this_process_is_filled_from_the_first_page() {
    let mut book = TestBook::with_events(300).await;
    for _start in 0..2 {
        let broker = MockBroker::start().unwrap();
        let config = PublisherConfig { mode: Mode::InProcess, ..config(broker.address(), "daybook") };
        let mut publisher = Publisher::new(config, book.book.clone());
        let written = book.events().await.len();
        assert_eq!(drain(&mut publisher).await.unwrap(), written);
        book.append(7).await;
        assert_eq!(drain(&mut publisher).await.unwrap(), 7);
        check_book(broker.address(), "daybook", &book.book).await;
    }
}
