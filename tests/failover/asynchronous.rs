//! An asynchronous standby that lacks a tail of what was answered: it is found by position and hash, told by whoever had read it,
//! and nobody makes anything of it any more.

use std::time::Duration;

use commands::{
    command::CommandError,
    executor::{Health, Settings},
    rejection::Rejection,
};
use eventstore::{
    FollowError, Position,
    publisher::{PublishError, Refusal},
};
use support::Cluster;

use super::{
    buy, events,
    followers::{
        Followers, check_read_models, check_told_by_a_process, check_told_by_a_projection, post_all, publish_all,
        react_to_all,
    },
    node::WholeNode,
    open_shop, publisher, through, verified,
};
use crate::{
    commands::{
        gate::Gate,
        node::{Prepared, accepted, envelope, until},
        shop::{add, cart_of, new_cart, stocked},
    },
    publisher::topics::{check_book, count_records},
};

/// A primary, and a standby that gets its log through a gate.
struct Pair {
    primary: Cluster,
    standby: Cluster,
    lines: Gate,
}

impl Pair {
    async fn start() -> Self {
        let primary = Cluster::migrated(false).await;
        let lines = Gate::to(primary.postgres.port()).await;
        let standby = primary.standby(lines.port()).await;
        Self { primary, standby, lines }
    }

    /// From here on the standby gets nothing any more.
    async fn cut(&self) {
        self.primary.until_replayed_by(&self.standby).await;
        self.lines.shut();
        self.primary.until("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)").await;
    }

    /// The primary is lost, and the standby takes its place.
    async fn fail_over(self, gate: &Gate) -> Cluster {
        self.primary.kill();
        gate.shut();
        self.standby.promote().await;
        gate.open_to(self.standby.postgres.port());
        self.standby
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_tail_is_told_by_everybody_who_had_read_it_and_nothing_more_is_made_of_it() {
    let Some(kafka) = support::kafka().await else { return };
    let pair = Pair::start().await;
    let gate = Gate::to(pair.primary.postgres.port()).await;
    let options = through(&gate, &pair.primary);
    let settings = Settings { went_back_shown: Duration::from_secs(3_600), ..Settings::default() };
    let node = Prepared::on(options.clone(), settings).await.start();
    let mut followers = Followers::of(node.book.clone(), &options, &node.commands).await;
    let (ahead, late) = (kafka.topic_prefix(), kafka.topic_prefix());
    let mut ahead = followers.publisher(publisher(kafka.brokers(), &ahead));
    let late_config = publisher(kafka.brokers(), &late);
    let mut late = followers.publisher(late_config.clone());
    stocked(&node, "MUG", 10).await;
    let kept = cart_of(&node, &[("MUG", 1)]).await;
    buy(&node.commands).await;
    followers.catch_up().await;
    publish_all(&mut ahead).await.unwrap();
    publish_all(&mut late).await.unwrap();
    let head = node.head().await;
    pair.cut().await;

    let lost = node.accept(new_cart()).await.outcome.cart_id;
    node.accept(add(kept, "MUG", 4)).await;
    buy(&node.commands).await;
    // Three have not read the tail; but it lies in the memory that they share with those who have.
    let mut slow_projection = followers.projections.remove(0);
    let mut slow_process = followers.processes.remove(0);
    followers.catch_up().await;
    publish_all(&mut ahead).await.unwrap();
    assert!(node.head().await > head);
    let promoted = pair.fail_over(&gate).await;

    check_told_by_a_projection(&mut slow_projection).await;
    post_all(&mut slow_projection).await.unwrap();
    for runner in &mut followers.projections {
        check_told_by_a_projection(runner).await;
        // What it had posted of the tail went with it: it goes on from there.
        post_all(runner).await.unwrap();
    }
    // A reaction to it would have been an effect: it has none.
    check_told_by_a_process(&mut slow_process).await;
    react_to_all(&mut slow_process).await.unwrap();
    for process in &mut followers.processes {
        check_told_by_a_process(process).await;
        react_to_all(process).await.unwrap();
    }
    assert_eq!(node.head().await, head, "nobody has reacted to what is lost");
    let told = publish_all(&mut late).await;
    assert!(matches!(told, Err(PublishError::Follow(FollowError::BookWentBack { .. }))), "{told:?}");
    check_refused(publish_all(&mut ahead).await, publish_all(&mut ahead).await);

    // Commands are decided on what is there.
    let answer = node.accept(add(kept, "MUG", 1)).await;
    assert_eq!((answer.position, answer.version), (head.next(), 3));
    let refused = node.run(add(lost, "MUG", 1)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(Rejection::NotFound { .. })), "{refused:?}");
    assert_eq!(node.health(), Health::BookWentBack);
    buy(&node.commands).await;
    followers.projections.push(slow_projection);
    followers.processes.push(slow_process);
    followers.catch_up().await;
    publish_all(&mut late).await.unwrap();
    check_book(kafka.brokers(), &late_config.prefix, &node.book).await;
    verified(&node.book).await;
    check_read_models(&promoted.owner(), &promoted.app()).await;
    // The same positions hold other events by now.
    check_refused(Ok(()), publish_all(&mut ahead).await);
}

/// Until the topics hold as many records as the book has events up to here.
async fn until_records(brokers: &str, prefix: &str, position: Position) {
    let wanted = usize::try_from(position.0).unwrap();
    until("the tail is published", async || {
        let (brokers, prefix) = (brokers.to_owned(), prefix.to_owned());
        tokio::task::spawn_blocking(move || count_records(&brokers, &prefix)).await.unwrap() >= wanted
    })
    .await;
}

/// At first what was read is not there any more; then, looked at closely, what was published is not.
#[track_caller]
fn check_refused(first: Result<(), PublishError>, then: Result<(), PublishError>) {
    assert!(matches!(first, Ok(()) | Err(PublishError::Follow(_))), "{first:?}");
    let Err(PublishError::Refused(refusal)) = then else { panic!("not refused: {then:?}") };
    assert!(matches!(refusal, Refusal::AheadOfBook { .. } | Refusal::AnotherHistory { .. }), "{refusal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_node_tells_of_a_lost_tail_in_its_readiness_and_goes_on_without_it() {
    let Some(kafka) = support::kafka().await else { return };
    let pair = Pair::start().await;
    let gate = Gate::to(pair.primary.postgres.port()).await;
    let config = publisher(kafka.brokers(), &kafka.topic_prefix());
    let node = WholeNode::start(through(&gate, &pair.primary), Some(config.clone())).await;
    node.until_ready().await;
    let commands = node.commands().clone();
    open_shop(&commands).await;
    let kept = accepted(commands.run(new_cart(), envelope())).await.outcome.cart_id;
    let head = verified(node.book()).await.position;
    pair.cut().await;
    for _ in 0..5 {
        accepted(commands.run(add(kept, "MUG", 1), envelope())).await;
    }
    let lost = Position(head.0 + 5);
    node.until_at(lost).await;
    let (brokers, prefix) = (kafka.brokers(), config.prefix.clone());
    until_records(brokers, &prefix, lost).await;
    let promoted = pair.fail_over(&gate).await;

    let answer = accepted(commands.run(add(kept, "MUG", 7), envelope())).await;
    assert_eq!((answer.position, answer.version), (head.next(), 2));
    node.until_check("book", false, "the book went back").await;
    node.until_check("publisher", false, "is at position").await;
    node.until_check("projections", true, "").await;
    node.until_check("processes", true, "").await;
    node.until_at(head.next()).await;
    assert_eq!(events(node.book()).await.len(), usize::try_from(head.0 + 1).unwrap());
    // It holds the executor open.
    drop(commands);
    node.stop().await;
    check_read_models(&promoted.owner(), &promoted.app()).await;
}
