//! Puts a plan into the book. Many commands are in flight, so that each append takes hundreds of orders; an order of a
//! thousand lines is one event.

use std::future::Future;
use std::time::{Duration, Instant};

use commands::command::{Actor, Answer, Causation, CommandError, Envelope};
use commands::executor::{Commands, Executor};
use commands::imports::{ImportOrder, ImportOrderRefund, ImportOutcome};
use commands::use_case::UseCase;
use domain::ids::OrderId;
use eventstore::follow::HeadWatch;
use eventstore::{Book, ReadError, Writer};
use futures_util::stream::{self, StreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinError;
use uuid::Uuid;

use super::check::{self, CheckError, Compared};
use super::plan::Plan;
use super::sums::Ledger;

/// Two batches of the executor: one is appended while the next is made ready.
const IN_FLIGHT: usize = 2_048;
/// For reading the book: what is loaded to be decided on, and what is read back.
const CONNECTIONS: u32 = 2;
/// Refusals that are shown; the others are counted.
const REFUSALS_SHOWN: usize = 10;
/// Who stands in the metadata of what is recorded.
const ACTOR: Actor = Actor::Process { name: "import" };

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("the book cannot be written (has `daybook migrate` run?)")]
    Book(#[from] ReadError),
    #[error("the book went away: run the import again, and it goes on where it stopped")]
    Away(#[source] CommandError),
    #[error("what was imported cannot be checked")]
    Check(#[from] CheckError),
    #[error("the executor ended")]
    Executor(#[source] JoinError),
}

/// What came of an import.
#[derive(Debug)]
pub struct Done {
    pub orders: Recorded,
    pub refunds: Recorded,
    /// For the recording alone.
    pub took: Duration,
    pub book: Ledger,
    pub(super) compared: Vec<Compared>,
}

/// Of what was to be recorded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recorded {
    pub new: u64,
    /// Recorded by a run before this one.
    pub known: u64,
    pub refused: u64,
    /// The first of them, for people.
    pub refusals: Vec<String>,
}

impl Done {
    /// Everything is in the book, and the book says what the file says.
    pub fn is_whole(&self) -> bool {
        self.orders.refused + self.refunds.refused == 0 && self.compared.iter().all(Compared::agrees)
    }
}

/// `tell` gets how many lines of orders are recorded.
pub async fn run(database: PgConnectOptions, plan: &Plan, tell: impl Fn(u64)) -> Result<Done, ImportError> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
    let book = Book::new(pool.connect_lazy_with(eventstore::session::reading(database.clone())));
    let mut writer = Writer::connect(database).await?;
    let head = writer.head().await?;
    let (commands, executor) = Executor::new(writer, head, book.clone(), HeadWatch::new());
    let executor = tokio::spawn(executor.run());
    let begun = Instant::now();
    let recorded = record(&commands, plan, tell).await;
    let took = begun.elapsed();
    // It ends with the last way in to it.
    drop(commands);
    executor.await.map_err(ImportError::Executor)?;
    let (orders, refunds) = recorded?;
    let ids: Vec<OrderId> = plan.orders.iter().map(|order| order.order_id).collect();
    let ledger = check::ledger_of(&book, &ids, book.head().await?.point.position).await?;
    let compared = check::compare(&plan.file, &ledger);
    Ok(Done { orders, refunds, took, book: ledger, compared })
}

/// Refunds after all orders: each is of one of them.
async fn record(commands: &Commands, plan: &Plan, tell: impl Fn(u64)) -> Result<(Recorded, Recorded), ImportError> {
    let run_id = Uuid::now_v7();
    let mut lines = 0;
    let orders = plan.orders.iter().map(|order| {
        let (count, use_case) = (order.lines.len(), ImportOrder(order.clone()));
        async move { (count, said(order.reference.as_str(), ask(commands, use_case, run_id).await)) }
    });
    let orders = gather(orders, |count: usize| {
        lines += count as u64;
        tell(lines);
    });
    let orders = orders.await?;
    let refunds = plan.refunds.iter().map(|(order_id, refund)| {
        let use_case = ImportOrderRefund { order_id: *order_id, refund: refund.clone() };
        async move { (0, said(refund.reference.as_str(), ask(commands, use_case, run_id).await)) }
    });
    Ok((orders, gather(refunds, |_| ()).await?))
}

/// A command, until the executor has room for it: with so few in flight that is soon.
async fn ask<U>(commands: &Commands, use_case: U, run_id: Uuid) -> Result<Answer<ImportOutcome>, CommandError>
where
    U: UseCase<Outcome = ImportOutcome> + Clone,
{
    loop {
        match commands.run(use_case.clone(), envelope(run_id)).await {
            Err(CommandError::Overloaded) => tokio::task::yield_now().await,
            answered => return answered,
        }
    }
}

fn envelope(run_id: Uuid) -> Envelope {
    Envelope {
        actor: ACTOR,
        correlation_id: run_id,
        causation: Causation::Request(run_id.to_string()),
        traceparent: None,
        // The streams themselves tell what is recorded already: their ids are made from the file's own.
        key: None,
        expected: None,
    }
}

/// Whether it is new; a refusal in a line, by the name of what was refused.
type Said = Result<Result<bool, String>, ImportError>;

fn said(name: &str, answered: Result<Answer<ImportOutcome>, CommandError>) -> Said {
    match answered {
        Ok(answer) => Ok(Ok(answer.outcome.is_new)),
        Err(CommandError::Rejected(rejection)) => Ok(Err(format!("{name}: {rejection}"))),
        Err(error) => Err(ImportError::Away(error)),
    }
}

async fn gather<F>(asked: impl Iterator<Item = F>, mut done: impl FnMut(usize)) -> Result<Recorded, ImportError>
where
    F: Future<Output = (usize, Said)>,
{
    let mut recorded = Recorded::default();
    let mut answers = stream::iter(asked).buffer_unordered(IN_FLIGHT);
    while let Some((count, said)) = answers.next().await {
        done(count);
        match said? {
            Ok(true) => recorded.new += 1,
            Ok(false) => recorded.known += 1,
            Err(refusal) => {
                recorded.refused += 1;
                if recorded.refusals.len() < REFUSALS_SHOWN {
                    recorded.refusals.push(refusal);
                }
            }
        }
    }
    Ok(recorded)
}
