//! `daybook reconcile payments`: a payment provider's books against the ledger, now, with a report.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use commands::gateway::account::Period;
use commands::process::reconciler::{LOOKS_BACK, ReconcileError, Reconciler, Report};
use eventstore::Book;
use eventstore::follow::HeadWatch;
use sqlx::PgPool;
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};
use crate::config::{LOG_DEFAULT, LogArgs};
use crate::node;
use crate::providers::PaymentArgs;
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct Reconcile {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Payments: exit code 0 if both sides agree, 1 if somebody has to look
    Payments(Box<Payments>),
}

#[derive(Debug, Args)]
struct Payments {
    #[command(flatten)]
    book: BookArgs,
    /// How many days back: of payments that were opened since
    #[arg(long, value_name = "DAYS", default_value_t = LOOKS_BACK.num_days(), value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    #[command(flatten)]
    payments: PaymentArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Reconcile {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let What::Payments(payments) = self.what;
        payments.run()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no payment provider here keeps accounts to compare with: stripe does, with DAYBOOK_STRIPE_SECRET_KEY")]
struct NobodyToAsk;

impl Payments {
    fn run(self) -> Result<ExitCode, Failure> {
        telemetry::init(self.log.log_format, self.log.filter(LOG_DEFAULT)).map_err(|error| Failure::usage(&error))?;
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(self.reconcile())
    }

    async fn reconcile(self) -> Result<ExitCode, Failure> {
        let gateways = self.payments.parts().map_err(|error| Failure::usage(&error))?.gateways;
        let pool = self.book.pool().await?;
        let until = Utc::now();
        let period = Period { from: until - TimeDelta::days(self.days), until };
        let reports = with_reconciler(&self.book, pool, gateways, async |reconciler| {
            let mut reports = Vec::new();
            for provider in reconciler.providers() {
                reports.push((provider, reconciler.reconcile(provider, period).await?));
            }
            Ok::<_, ReconcileError>(reports)
        })
        .await?;
        let reports = reports.map_err(|error| Failure::fault(&error))?;
        if reports.is_empty() {
            return Err(Failure::usage(&NobodyToAsk));
        }
        for (provider, report) in &reports {
            say(&text(provider, &period, report))?;
        }
        let is_clean = reports.iter().all(|(_, report)| report.is_clean());
        Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What is found is recorded: by an executor of this program's own, beside those of the nodes.
async fn with_reconciler<T>(
    book: &BookArgs,
    pool: PgPool,
    gateways: Arc<commands::gateway::Gateways>,
    work: impl AsyncFnOnce(Reconciler) -> T,
) -> Result<T, Failure> {
    let made = node::executor(&book.options()?, &Book::new(pool.clone()), &HeadWatch::new()).await;
    let (commands, executor) = made.map_err(|error| Failure::fault(&error))?;
    let executing = tokio::spawn(executor.run());
    let done = work(Reconciler::new(pool, commands, gateways)).await;
    // It ends with the last of its handles.
    executing.await.map_err(|error| Failure::fault(&error))?;
    Ok(done)
}

fn text(provider: &str, period: &Period, report: &Report) -> String {
    let Report { compared, agree, recorded, open, differ, unknown, foreign, unreadable } = report;
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d").to_string();
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a string cannot fail");
    line(format!("{provider}, payments opened from {} to {}:", day(period.from), day(period.until)));
    line(format!("{compared:>9} compared: {agree} agree, {} differ, {open} are open", differ.len()));
    line(format!("{recorded:>9} of them were behind, and are brought up to what the provider says"));
    line(format!("{foreign:>9} are somebody else's"));
    for (payment_id, detail) in differ {
        line(format!("differs: payment {payment_id}: {detail}"));
    }
    for (reference, payment_id) in unknown {
        line(format!("unknown: {reference} bears the id of payment {payment_id}, which is not in the book"));
    }
    for what in unreadable {
        line(format!("unreadable: {what}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::ids::PaymentId;
    use domain::payment::ProviderReference;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_report_names_everything_that_somebody_has_to_look_at() {
        let payment_id = PaymentId::from_uuid(Uuid::from_u128(7));
        let report = Report {
            compared: 12,
            agree: 10,
            recorded: 1,
            open: 1,
            differ: vec![(payment_id, "captured 10.00 GBP here, 9.00 GBP there".to_owned())],
            unknown: vec![(ProviderReference::new("pi_1").expect("an id"), payment_id)],
            foreign: 3,
            unreadable: vec!["\"pi_2\" cannot be read".to_owned()],
        };
        let until = "2026-11-25T12:00:00Z".parse().expect("a time");
        let period = Period { from: until - TimeDelta::days(35), until };
        let expected = "\
stripe, payments opened from 2026-10-21 to 2026-11-25:
       12 compared: 10 agree, 1 differ, 1 are open
        1 of them were behind, and are brought up to what the provider says
        3 are somebody else's
differs: payment 00000000-0000-0000-0000-000000000007: captured 10.00 GBP here, 9.00 GBP there
unknown: pi_1 bears the id of payment 00000000-0000-0000-0000-000000000007, which is not in the book
unreadable: \"pi_2\" cannot be read
";
        assert_eq!(text("stripe", &period, &report), expected);
        assert!(!report.is_clean() && Report::default().is_clean());
    }
}
