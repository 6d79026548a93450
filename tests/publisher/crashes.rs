//! A publisher that is killed or frozen at every step, as a process of its own.

use std::process::Stdio;
use std::time::Duration;

use eventstore::publisher::{PublishError, Publisher};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::books::{TestBook, config, drain};
use super::topics::check_book;

const WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(super) fn start(brokers: &str, prefix: &str, book: &TestBook, failpoint: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_publisher"));
        command.args([brokers, prefix, &book.database.app_url()]);
        command.envs(failpoint.map(|failpoint| ("DAYBOOK_FAILPOINT", failpoint)));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for a line such as `Running 10`.
    pub(super) async fn says(&mut self, wanted: &str) {
        let mut said = Vec::new();
        while let Some(line) = timeout(WITHIN, self.lines.next_line()).await.unwrap().unwrap() {
            if line == wanted {
                return;
            }
            said.push(line);
        }
        panic!("it never said {wanted:?}, but {said:?}");
    }

    pub(super) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    pub(super) async fn freezes(&self) {
        let stat = format!("/proc/{}/stat", self.child.id().unwrap());
        let frozen = async {
            while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(WITHIN, frozen).await.unwrap();
    }
}

async fn killed_at(step: &str, batch: u32, action: &str) {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(200).await;
    let failpoint = format!("publisher.{step}:{batch}:{action}");
    let mut process = Process::start(kafka.brokers(), &prefix, &book, Some(&failpoint));
    if batch > 1 {
        process.says("Running 200").await;
        book.append(150).await;
    }
    let status = timeout(WITHIN, process.child.wait()).await.unwrap().unwrap();
    assert!(!status.success(), "{step}");
    let mut publisher = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    drain(&mut publisher).await.unwrap();
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn a_publisher_killed_before_it_produces_loses_and_repeats_nothing() {
    killed_at("before_produce", 2, "kill").await;
}

#[tokio::test]
async fn a_publisher_killed_with_records_in_its_queue_loses_and_repeats_nothing() {
    killed_at("after_produce", 2, "kill").await;
}

#[tokio::test]
async fn a_publisher_killed_when_its_records_are_stored_but_not_its_progress_loses_and_repeats_nothing() {
    killed_at("after_produce", 2, "kill-late").await;
}

#[tokio::test]
async fn a_publisher_killed_between_acknowledgement_and_commit_loses_and_repeats_nothing() {
    killed_at("after_acknowledgement", 2, "kill").await;
}

#[tokio::test]
async fn a_publisher_killed_before_its_very_first_commit_leaves_topics_that_can_be_filled() {
    killed_at("after_acknowledgement", 1, "kill").await;
}

#[tokio::test]
async fn a_publisher_killed_after_the_commit_loses_and_repeats_nothing() {
    killed_at("after_commit", 2, "kill").await;
}

#[tokio::test]
async fn publishers_killed_at_any_moment_lose_and_repeat_nothing() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(100).await;
    for round in 0..8 {
        let mut process = Process::start(kafka.brokers(), &prefix, &book, None);
        process.says(&format!("Running {}", 100 + round * 300)).await;
        for _burst in 0..6 {
            book.append(50).await;
            sleep(Duration::from_millis(7 * round)).await;
        }
        process.child.kill().await.unwrap();
    }
    drain(&mut Publisher::new(config(kafka.brokers(), &prefix), book.book.clone())).await.unwrap();
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn a_frozen_publisher_that_wakes_up_after_another_took_over_doubles_nothing() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(200).await;
    let mut zombie = Process::start(kafka.brokers(), &prefix, &book, Some("publisher.after_produce:2:stop"));
    zombie.says("Running 200").await;
    book.append(5_000).await;
    zombie.freezes().await;

    let mut successor = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    drain(&mut successor).await.unwrap();
    zombie.signal(Signal::CONT);
    zombie.says("StandingBy 200").await;
    book.append(100).await;
    drain(&mut successor).await.unwrap();
    check_book(kafka.brokers(), &prefix, &book.book).await;

    // The successor goes; the one that stood by finds that nothing moves, and takes over.
    drop(successor);
    book.append(100).await;
    zombie.says("Running 5400").await;
    check_book(kafka.brokers(), &prefix, &book.book).await;
}

#[tokio::test]
async fn of_two_publishers_the_older_one_is_fenced() {
    let Some(kafka) = support::kafka().await else { return };
    let prefix = kafka.topic_prefix();
    let mut book = TestBook::with_events(10).await;
    let mut older = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    drain(&mut older).await.unwrap();
    let mut newer = Publisher::new(config(kafka.brokers(), &prefix), book.book.clone());
    assert_eq!(drain(&mut newer).await.unwrap(), 0);
    book.append(10).await;
    let fenced = older.run_once().await;
    assert!(matches!(fenced, Err(PublishError::Fenced)), "{fenced:?}");
    assert_eq!(drain(&mut newer).await.unwrap(), 10);
    check_book(kafka.brokers(), &prefix, &book.book).await;
}
