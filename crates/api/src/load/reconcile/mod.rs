//! Does the book, and everything posted from it, say what the file says? One line a check; nothing is repaired.
//!
//! What is expected is computed from the file, the catalogue and the ids of the accepted invoices, never from an amount
//! that the server returned.
//!
//! - [`read_models`], [`orders`], [`money`]: the arithmetic, without I/O; [`http`]: what it is given to compare
//! - [`book`]: the book from Postgres, and the orders that carts became; [`deeds`]: what it says became of each order
//! - [`conserved`]: what the conservation watch has found
//! - [`topics`]: Kafka against the book, without I/O; [`broker`]: the records of a real one; [`topics_walk`]: both at once

mod book;
mod broker;
mod conserved;
mod deeds;
mod http;
mod money;
mod orders;
mod read_models;
mod topics;
mod topics_walk;

use eventstore::verify::{Extent, verify};
use eventstore::{Book, Position, ReadError};
use indicatif::ProgressBar;

use super::account::{Accepted, Ended};
use super::board::bar;
use super::chaos::draws::{Units, more};
use super::check::{Check, Verdict};
use super::instance::{Broker, Instance};
use super::numbers::grouped;
use super::plan::{Plan, Sums};
use super::tokens::Tokens;
use crate::auth::signing::SigningKeyError;
use book::Carts;
use deeds::DeedsDone;
pub(super) use read_models::CURRENCY;
use topics_walk::TopicsWalk;

/// What the checks need of a load: what was planned, which invoices became orders, and how far the book had got.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    pub plan: &'a Plan,
    pub accepted: &'a [Accepted],
    /// The last position that an answer named.
    pub position: i64,
}

/// Why the checks could not even begin.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("no tokens can be made for this Daybook")]
    Tokens(#[source] SigningKeyError),
    #[error("the book cannot be opened")]
    Open(#[source] sqlx::Error),
    #[error("the head of the book cannot be read")]
    Head(#[source] ReadError),
}

/// Makes every check, tells each as soon as it is made, and says whether none failed.
pub async fn reconcile(
    evidence: Evidence<'_>,
    instance: &Instance,
    mut tell: impl FnMut(&Check),
) -> Result<bool, ReconcileError> {
    let mut passed = true;
    let mut note = |check: Check| {
        passed &= check.verdict != Verdict::Fail;
        tell(&check);
    };
    note(read_models::lines(evidence.plan));
    let tokens = Tokens::open(&instance.data, 0).map_err(ReconcileError::Tokens)?;
    let pool = book::open(&instance.postgres).await.map_err(ReconcileError::Open)?;
    let book = Book::new(pool.clone());
    let head = book::quiet_head(&book, &pool).await.map_err(ReconcileError::Head)?;
    http::checks(evidence, instance, &tokens, head).await.into_iter().for_each(&mut note);
    note(conserved::check(&instance.postgres, head).await);
    note(verified(&book, head, evidence.position).await);
    walk(&book, head, evidence, &instance.kafka).await.into_iter().for_each(&mut note);
    Ok(passed)
}

/// The book is whole up to its head, and nothing that was answered is beyond: a tail that was cut off leaves a whole book.
async fn verified(book: &Book, head: Position, answered: i64) -> Check {
    let bar = bar(head.0.unsigned_abs(), "verify");
    let walked = verify(book, Extent::default(), |position| bar.set_position(position.0.unsigned_abs())).await;
    bar.finish_and_clear();
    match walked {
        Err(error) => Check::broken("verify", &error),
        Ok(walked) if walked.head.position.0 < answered => {
            let end = grouped(walked.head.position.0);
            Check::fail("verify", format!("the book ends at {end}, and position {} was answered", grouped(answered)))
        }
        Ok(walked) => Check::ok("verify", format!("{} events, head {}", grouped(walked.events), walked.head.hash)),
    }
}

/// What a walk through the book is made for.
struct Walk<'a> {
    carts: Carts<'a>,
    deeds: DeedsDone<'a>,
    topics: TopicsWalk,
}

/// One walk through the book, for the carts, for what became of the orders, and for the topics.
async fn walk(book: &Book, head: Position, evidence: Evidence<'_>, kafka: &Broker) -> [Check; 3] {
    let Evidence { plan, accepted, .. } = evidence;
    let (carts, deeds) = (Carts::new(accepted), DeedsDone::new(plan, accepted));
    let mut walk = Walk { carts, deeds, topics: TopicsWalk::begin(kafka, head) };
    let bar = bar(head.0.unsigned_abs(), "topics");
    let walked = walk_pages(book, head, &mut walk, &bar).await;
    bar.finish_and_clear();
    let Walk { carts, deeds, topics } = walk;
    let topics = topics.end().await;
    match walked {
        Ok(()) => [carts.check(), deeds.check(), topics],
        Err(error) => ["carts", "deeds", "topics"].map(|name| Check::broken(name, &error)),
    }
}

async fn walk_pages(book: &Book, head: Position, walk: &mut Walk<'_>, bar: &ProgressBar) -> Result<(), ReadError> {
    let mut last = Position::TITLE;
    while last < head {
        let page = book.page(last, book::PAGE.min(head.0 - last.0)).await?;
        // A gap is for `verify` to tell; the walk goes on behind it.
        let Some(end) = page.last() else { break };
        last = end.position;
        page.iter().for_each(|event| {
            walk.carts.see(event);
            walk.deeds.see(event);
        });
        walk.topics.see(page).await;
        bar.set_position(last.0.unsigned_abs());
    }
    Ok(())
}

/// Orders that went as they should, of which so many are looked at in detail.
const SAMPLE: usize = 200;

impl<'a> Evidence<'a> {
    fn sample(&self) -> impl Iterator<Item = &'a Accepted> {
        self.accepted.iter().filter(|accepted| !accepted.is_otherwise()).take(SAMPLE)
    }

    /// What the accepted invoices come to, as far as they were not cancelled.
    pub fn sums(&self) -> Sums {
        let Self { plan, accepted, .. } = *self;
        let invoice = |accepted: &Accepted| &plan.invoices()[accepted.invoice];
        let delivered = || accepted.iter().filter(|accepted| accepted.ended == Ended::Delivered);
        let mut sums = plan.sums(delivered().map(invoice));
        for accepted in delivered().filter(|accepted| !accepted.cancelled.is_empty()) {
            sums.take_off(plan, invoice(accepted), &accepted.cancelled);
        }
        sums
    }

    /// What came back and can be sold again.
    fn restocked(&self) -> Units {
        let mut restocked = Units::new();
        for returned in self.accepted.iter().filter_map(|accepted| accepted.returned.as_ref()) {
            more(&mut restocked, returned.restocked.clone());
        }
        restocked
    }
}
