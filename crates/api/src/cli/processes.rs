//! `daybook processes`: a table of the process managers, from what they remember in the database; what one order waits for; and
//! how a stream is resumed that one of them has set aside.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use clap::Args;
use commands::process::standing::{OpenWebhook, ParkedStream, Progress, Standing, open_webhooks, resume, standings};
use commands::process::waiting::{Wait, WaitingOrder, waiting_order};
use domain::ids::OrderId;
use eventstore::StreamId;
use sqlx::PgPool;
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::webhooks::state_of;
use super::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct Processes {
    #[command(flatten)]
    book: BookArgs,
    /// Have a stream tried again that a process has set aside, named as below the table
    #[arg(long, value_name = "PROCESS/STREAM")]
    resume: Option<Aside>,
    /// Show what this order waits for, in place of the table
    #[arg(long, value_name = "ID")]
    order: Option<OrderId>,
}

/// A stream that a process has set aside, such as `payment/payment-0190…`.
#[derive(Debug, Clone)]
struct Aside {
    process: String,
    stream: StreamId,
}

impl FromStr for Aside {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (process, stream) = text.split_once('/')?;
            let (category, id) = stream.split_once('-')?;
            let stream = StreamId { category: category.to_owned().into(), id: id.parse().ok()? };
            Some(Self { process: process.to_owned(), stream })
        };
        read().ok_or("a process and a stream, such as payment/payment-019a1b2c-…")
    }
}

impl Processes {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        if let Some(order_id) = self.order {
            return runtime.block_on(self.show_order(order_id));
        }
        let (standings, webhooks) = runtime.block_on(async {
            let pool = self.resumed().await?;
            let read = async { Ok((standings(&pool).await?, open_webhooks(&pool).await?)) };
            read.await.map_err(|error| Failure::fault(&Unreadable(error)))
        })?;
        say(&table(&standings))?;
        say(&open(&webhooks))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The database, once what was asked to be resumed is marked.
    async fn resumed(&self) -> Result<PgPool, Failure> {
        let pool = self.book.pool().await?;
        if let Some(Aside { process, stream }) = &self.resume
            && !resume(&pool, process, stream).await.map_err(|error| Failure::fault(&Unreadable(error)))?
        {
            return Err(Failure::usage(&NotAside { process: process.clone(), stream: stream.clone() }));
        }
        Ok(pool)
    }

    async fn show_order(&self, order_id: OrderId) -> Result<ExitCode, Failure> {
        let pool = self.resumed().await?;
        match waiting_order(&pool, order_id).await.map_err(|error| Failure::fault(&error))? {
            Some(order) => say(&waits(&order))?,
            None => return Err(Failure::usage(&NoOrder(order_id))),
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("there is no order {0}")]
struct NoOrder(OrderId);

#[derive(Debug, thiserror::Error)]
#[error("the processes cannot be read (has `daybook migrate` run?)")]
struct Unreadable(#[source] sqlx::Error);

#[derive(Debug, thiserror::Error)]
#[error("{process} has not set {stream} aside")]
struct NotAside {
    process: String,
    stream: StreamId,
}

const HEADINGS: [&str; 7] = ["process", "position", "behind", "deadlines", "next due", "calls", "waits for"];
/// The columns of figures, which are set to the right.
const FIGURES: std::ops::RangeInclusive<usize> = 1..=3;

/// One row a process; what does not go well stands below the table, where there is room for it.
fn table(standings: &[Standing]) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(standings.iter().map(row));
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
            let cell =
                if FIGURES.contains(&column) { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            line.push_str(&cell);
        }
        put(&mut text, format_args!("{}\n", line.trim_end()));
    }
    for Standing { process, progress, .. } in standings {
        let Some(Progress { failing, call_error, parked, .. }) = progress else { continue };
        if let Some(reason) = failing {
            put(&mut text, format_args!("\n{process} does not go on: {reason}\n"));
        }
        if let Some(reason) = call_error {
            put(&mut text, format_args!("\na call of {process} is tried again: {reason}\n"));
        }
        for ParkedStream { stream, position, reason, parked_at } in parked {
            let since = parked_at.format("%Y-%m-%d %H:%M:%S");
            put(&mut text, format_args!("\n{process} has set {stream} aside at {position}, since {since}: {reason}\n"));
            put(&mut text, format_args!("have it tried again: daybook processes --resume {process}/{stream}\n"));
        }
    }
    text
}

/// A line for each thing that the order waits for.
fn waits(order: &WaitingOrder) -> String {
    let WaitingOrder { order_id, status, waits } = order;
    let mut text = format!("order {order_id} is {status}");
    text.push_str(if waits.is_empty() { ", and waits for nothing\n" } else { ", and waits for\n" });
    for wait in waits {
        put(&mut text, format_args!("  {}\n", of_wait(wait)));
    }
    text
}

fn of_wait(wait: &Wait) -> String {
    let at = |time: &DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S").to_string();
    match wait {
        Wait::Resumption { process, parked: ParkedStream { stream, position, reason, .. } } => {
            format!("somebody to look: {process} has set {stream} aside at {position}: {reason}")
        }
        Wait::Release { reason } => format!("staff to release it: {reason}"),
        Wait::Answer { provider, call, payment_id, requested_at, attempts, next_attempt_at, last_error } => {
            let mut text = format!("{provider} to {call} payment {payment_id}, asked for at {}", at(requested_at));
            if let Some(error) = last_error {
                text.push_str(&format!("; after {attempts} attempts again at {}: {error}", at(next_attempt_at)));
            }
            text
        }
        Wait::Buyer { payment_id, action_url } => {
            format!("its buyer, who is to confirm payment {payment_id} at {action_url}")
        }
        Wait::Payment => "its buyer, who is to try another payment".to_owned(),
        Wait::Deadline { process, kind, due_at } => format!("{}, when {process} acts ({kind})", at(due_at)),
    }
}

/// Webhooks of payment providers that were looked into in vain.
fn open(webhooks: &[OpenWebhook]) -> String {
    let mut text = String::new();
    for webhook in webhooks {
        let OpenWebhook { provider, event_id, event_type, received_at, attempts, reason, .. } = webhook;
        let (what, since) = (state_of(webhook), received_at.format("%Y-%m-%d %H:%M:%S"));
        put(
            &mut text,
            format_args!(
                "\nthe webhook {event_id} of {provider} ({event_type}) is {what} since {since}, after {attempts} attempts: {reason}\n"
            ),
        );
    }
    if !webhooks.is_empty() {
        put(&mut text, format_args!("what can be done about them: daybook webhooks\n"));
    }
    text
}

fn row(standing: &Standing) -> [String; HEADINGS.len()] {
    let (process, waits_for) = (standing.process.to_owned(), standing.waits_for.to_owned());
    let none = || "-".to_owned();
    let Some(progress) = &standing.progress else {
        return [process, none(), none(), none(), none(), none(), format!("its first run; {waits_for}")];
    };
    let next_due = progress.next_due_at.map_or_else(none, |due| due.format("%Y-%m-%d %H:%M:%S").to_string());
    let figures = [progress.position.0, progress.behind, progress.deadlines].map(|figure| figure.to_string());
    let [position, behind, deadlines] = figures;
    [process, position, behind, deadlines, next_due, progress.calls.to_string(), waits_for]
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use eventstore::Position;

    use super::*;

    #[test]
    fn a_process_is_a_row_and_its_trouble_stands_below() {
        let progress = Progress {
            position: Position(1204),
            behind: 7,
            failing: Some("the book cannot be read".to_owned()),
            deadlines: 2,
            next_due_at: Some("2026-11-21T12:00:00.5Z".parse().expect("a time")),
            calls: 1,
            call_error: Some("timed out".to_owned()),
            parked: vec![ParkedStream {
                stream: StreamId::new("payment", uuid::Uuid::from_u128(9)),
                position: Position(1198),
                reason: "the decision panicked".to_owned(),
                parked_at: "2026-11-21T11:00:00Z".parse().expect("a time"),
            }],
        };
        let standings = [
            Standing { process: "payment", waits_for: "answers", progress: Some(progress) },
            Standing { process: "expiry", waits_for: "the clock", progress: None },
        ];
        let expected = "\
process  position  behind  deadlines  next due             calls  waits for
payment      1204       7          2  2026-11-21 12:00:00  1      answers
expiry          -       -          -  -                    -      its first run; the clock

payment does not go on: the book cannot be read

a call of payment is tried again: timed out

payment has set payment-00000000-0000-0000-0000-000000000009 aside at 1198, since 2026-11-21 11:00:00: the decision panicked
have it tried again: daybook processes --resume payment/payment-00000000-0000-0000-0000-000000000009
";
        assert_eq!(table(&standings), expected);
    }

    #[test]
    fn what_an_order_waits_for_is_a_line_each() {
        let (order_id, payment_id) = (OrderId::from_uuid(uuid::Uuid::from_u128(1)), uuid::Uuid::from_u128(2));
        let payment_id = domain::ids::PaymentId::from_uuid(payment_id);
        let at: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().expect("a time");
        let answer = |last_error: Option<&str>| Wait::Answer {
            provider: "stripe".to_owned(),
            call: "authorize".to_owned(),
            payment_id,
            requested_at: at,
            attempts: 3,
            next_attempt_at: at,
            last_error: last_error.map(str::to_owned),
        };
        let waits = vec![
            Wait::Release { reason: "fraud check".to_owned() },
            answer(None),
            answer(Some("timed out")),
            Wait::Buyer { payment_id, action_url: "https://bank.example/3ds".to_owned() },
            Wait::Payment,
            Wait::Deadline { process: "expiry".to_owned(), kind: "pending_order".to_owned(), due_at: at },
        ];
        let order = WaitingOrder { order_id, status: "pending", waits };
        let expected = "\
order 00000000-0000-0000-0000-000000000001 is pending, and waits for
  staff to release it: fraud check
  stripe to authorize payment 00000000-0000-0000-0000-000000000002, asked for at 2026-11-21 12:00:00
  stripe to authorize payment 00000000-0000-0000-0000-000000000002, asked for at 2026-11-21 12:00:00; after 3 attempts again at 2026-11-21 12:00:00: timed out
  its buyer, who is to confirm payment 00000000-0000-0000-0000-000000000002 at https://bank.example/3ds
  its buyer, who is to try another payment
  2026-11-21 12:00:00, when expiry acts (pending_order)
";
        assert_eq!(super::waits(&order), expected);
        let over = WaitingOrder { order_id, status: "delivered", waits: vec![] };
        assert_eq!(
            super::waits(&over),
            "order 00000000-0000-0000-0000-000000000001 is delivered, and waits for nothing\n"
        );
    }

    #[test]
    fn a_webhook_that_cannot_be_settled_is_named_with_the_reason() {
        let webhook = OpenWebhook {
            provider: "stripe".to_owned(),
            event_id: "evt_1".to_owned(),
            event_type: "charge.refunded".to_owned(),
            parked: true,
            received_at: "2026-11-21T11:00:00Z".parse().expect("a time"),
            attempts: 7,
            reason: "pi_1 was not opened by us".to_owned(),
        };
        let expected = "\nthe webhook evt_1 of stripe (charge.refunded) is parked since 2026-11-21 11:00:00, \
                        after 7 attempts: pi_1 was not opened by us\nwhat can be done about them: daybook webhooks\n";
        assert_eq!(open(&[webhook]), expected);
        assert_eq!(open(&[]), "");
    }
}
