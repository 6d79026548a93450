//! Compares a provider's books with the ledger, both ways: what the provider has and the ledger does not know is recorded,
//! what cannot be is a discrepancy, and a payment that only one side knows is told of.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::PaymentId;
use domain::payment::ProviderReference;
use eventstore::failpoint;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::command::{Actor, Causation, CommandError, Envelope};
use crate::executor::Commands;
use crate::gateway::account::{Page, Period, ProviderPayment};
use crate::gateway::{CALL_DEADLINE_SECONDS, GatewayError, Gateways, PaymentGateway};
use crate::payments::reconcile::Comparison;
use crate::process::comparing::{CompareError, Compared};
use crate::process::pause::jittered;
use crate::rejection::Rejection;

/// How far back it looks: an authorisation lives for a week, and most of what is given back is within a month.
pub const LOOKS_BACK: TimeDelta = TimeDelta::days(35);
/// How long a page is waited for, with what belongs to its payments.
const PATIENCE: Duration = Duration::from_secs(6 * CALL_DEADLINE_SECONDS as u64);
/// A page that does not come is asked for again so often, after a pause: many thousand others have come before.
const PAGE_TRIES_MAX: u32 = 5;
const PAGE_PAUSE: Duration = Duration::from_secs(2);
/// How often it is looked whether it is time; and after how long a reconciliation that broke off is begun anew.
const LOOK: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(600);
/// One that has neither ended nor failed for this long died with its node: longer than a year's payments take to be compared.
const BROKEN_OFF_AFTER: Duration = Duration::from_secs(3_600);

#[derive(Debug, Clone)]
pub struct Reconciler {
    pool: PgPool,
    commands: Commands,
    gateways: Arc<Gateways>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error("{0} is no provider here that keeps accounts")]
    NoAccounts(String),
    #[error("the provider's books cannot be read")]
    Provider(#[from] GatewayError),
    #[error("the book cannot be read")]
    Database(#[from] sqlx::Error),
    #[error("a payment cannot be reconciled")]
    Command(#[from] CommandError),
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Payments that both sides know.
    pub compared: usize,
    pub agree: usize,
    /// Of which the provider told what the ledger did not know; they are among the others too.
    pub recorded: usize,
    /// A result is still to come.
    pub open: usize,
    pub differ: Vec<(PaymentId, String)>,
    /// Bear an id of ours that is not in the book: payments of orders that were lost.
    pub unknown: Vec<(ProviderReference, PaymentId)>,
    /// Payments of the account that are somebody else's.
    pub foreign: usize,
    pub unreadable: Vec<String>,
}

impl Report {
    /// Nobody has to look.
    pub fn is_clean(&self) -> bool {
        self.differ.is_empty() && self.unknown.is_empty() && self.unreadable.is_empty()
    }
}

impl Reconciler {
    pub fn new(pool: PgPool, commands: Commands, gateways: Arc<Gateways>) -> Self {
        Self { pool, commands, gateways }
    }

    /// Those that can be asked.
    pub fn providers(&self) -> Vec<&'static str> {
        self.gateways.iter().filter(|gateway| gateway.keeps_accounts()).map(|gateway| gateway.name()).collect()
    }

    /// Reconciles each provider every so often, on one of the nodes.
    pub async fn run(self, every: Duration, stop: CancellationToken) {
        while !stop.is_cancelled() {
            for provider in self.providers() {
                if let Some(Err(error)) = stop.run_until_cancelled(self.run_due(provider, every)).await {
                    tracing::warn!(provider, %error, "a reconciliation cannot be noted");
                }
            }
            stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
        }
    }

    /// If it is time. Whether it was.
    pub async fn run_due(&self, provider: &'static str, every: Duration) -> Result<bool, sqlx::Error> {
        let (every_seconds, broken_off_after) = (every.as_secs_f64(), BROKEN_OFF_AFTER.as_secs_f64());
        let claim = sqlx::query_file!("src/sql/claim_reconciliation.sql", provider, every_seconds, broken_off_after);
        if claim.fetch_optional(&self.pool).await?.is_none() {
            return Ok(false);
        }
        failpoint::reached("reconcile.after_claim");
        let until = self.commands.clock().now();
        match self.reconcile(provider, Period { from: until - LOOKS_BACK, until }).await {
            Ok(report) => {
                failpoint::reached("reconcile.before_note");
                self.note(provider, &report).await?;
                failpoint::reached("reconcile.after_note");
            }
            Err(error) => {
                let reason = error.to_string();
                tracing::error!(provider, error = reason, "a reconciliation broke off");
                let ago = every.saturating_sub(AGAIN).as_secs_f64();
                sqlx::query_file!("src/sql/fail_reconciliation.sql", provider, ago, reason).execute(&self.pool).await?;
            }
        }
        Ok(true)
    }

    async fn note(&self, provider: &'static str, report: &Report) -> Result<(), sqlx::Error> {
        let Report { compared, agree, recorded, open, differ, unknown, .. } = report;
        tracing::info!(
            provider,
            compared,
            agree,
            recorded,
            open,
            differ = differ.len(),
            unknown = unknown.len(),
            "the provider's books were compared with the ledger"
        );
        metrics::gauge!("daybook_reconcile_discrepancies", "provider" => provider).set(differ.len() as f64);
        metrics::gauge!("daybook_reconcile_unknown", "provider" => provider).set(unknown.len() as f64);
        metrics::gauge!("daybook_reconcile_finished_timestamp_seconds", "provider" => provider)
            .set(Utc::now().timestamp() as f64);
        sqlx::query_file!(
            "src/sql/finish_reconciliation.sql",
            provider,
            *compared as i64,
            *recorded as i64,
            differ.len() as i64,
            unknown.len() as i64
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Of the payments that were opened within this time.
    pub async fn reconcile(&self, provider: &str, period: Period) -> Result<Report, ReconcileError> {
        let gateway = self.gateways.iter().find(|gateway| gateway.name() == provider && gateway.keeps_accounts());
        let gateway = gateway.ok_or_else(|| ReconcileError::NoAccounts(provider.to_owned()))?;
        let (mut report, mut seen, mut cursor) = (Report::default(), HashSet::new(), None);
        loop {
            let page = page(gateway.as_ref(), &period, cursor.as_ref()).await?;
            failpoint::reached("reconcile.after_list");
            for theirs in page.payments {
                let (reference, payment_id) = (theirs.reference.clone(), theirs.payment_id);
                self.compare(gateway.as_ref(), payment_id, &reference, Some(theirs), &mut report).await?;
                seen.insert(reference);
            }
            report.unreadable.extend(page.unreadable);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.compare_rest(gateway.as_ref(), &period, &seen, &mut report).await?;
        Ok(report)
    }

    /// What was authorised in this time as the ledger has it, and was not among the provider's.
    async fn compare_rest(
        &self,
        gateway: &dyn PaymentGateway,
        period: &Period,
        seen: &HashSet<ProviderReference>,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        let (name, from, until): (_, DateTime<Utc>, DateTime<Utc>) = (gateway.name(), period.from, period.until);
        let ours = sqlx::query_file!("src/sql/list_authorized.sql", name, from, until).fetch_all(&self.pool).await?;
        for row in ours {
            let Ok(reference) = ProviderReference::new(&row.reference) else { continue };
            if seen.contains(&reference) {
                continue;
            }
            let theirs = gateway.look_up(&reference).await?;
            let payment_id = match &theirs {
                Some(theirs) => theirs.payment_id,
                None => Some(PaymentId::from_uuid(row.stream_id)),
            };
            self.compare(gateway, payment_id, &reference, theirs, report).await?;
        }
        Ok(())
    }

    async fn compare(
        &self,
        gateway: &dyn PaymentGateway,
        payment_id: Option<PaymentId>,
        reference: &ProviderReference,
        theirs: Option<ProviderPayment>,
        report: &mut Report,
    ) -> Result<(), ReconcileError> {
        let Some(payment_id) = payment_id else {
            report.foreign += 1;
            return Ok(());
        };
        let compared = Compared { commands: &self.commands, gateway, payment_id, reference, attests: true };
        failpoint::reached("reconcile.before_record");
        let done = compared.run(theirs, envelope(payment_id)).await;
        failpoint::reached("reconcile.after_record");
        let outcome = match done {
            Ok(outcome) => outcome,
            Err(CompareError::Command(CommandError::Rejected(Rejection::NotFound { .. }))) => {
                tracing::error!(payment.id = %payment_id, %reference, "the provider has a payment that is not in the book");
                report.unknown.push((reference.clone(), payment_id));
                return Ok(());
            }
            Err(CompareError::Command(CommandError::Rejected(rejection))) => {
                report.compared += 1;
                report.differ.push((payment_id, rejection.to_string()));
                return Ok(());
            }
            Err(CompareError::Command(error)) => return Err(error.into()),
            Err(CompareError::Provider(error)) => return Err(error.into()),
        };
        report.compared += 1;
        report.recorded += usize::from(outcome.recorded);
        match outcome.comparison {
            Comparison::Agrees => report.agree += 1,
            Comparison::Open => report.open += 1,
            Comparison::Differs(detail) => {
                tracing::error!(payment.id = %payment_id, detail, "the ledger and the provider do not agree");
                report.differ.push((payment_id, detail));
            }
        }
        Ok(())
    }
}

/// Reading changes nothing, and is tried again.
async fn page(
    gateway: &dyn PaymentGateway,
    period: &Period,
    after: Option<&crate::gateway::account::Cursor>,
) -> Result<Page, GatewayError> {
    let mut tries = 1;
    loop {
        let answer = match tokio::time::timeout(PATIENCE, gateway.list(period, after)).await {
            Ok(answer) => answer,
            Err(_) => Err(GatewayError::Unknown { reason: "the provider did not answer in time".to_owned() }),
        };
        match answer {
            Err(GatewayError::Unknown { .. }) if tries < PAGE_TRIES_MAX => {
                tries += 1;
                tokio::time::sleep(jittered(PAGE_PAUSE)).await;
            }
            answer => return answer,
        }
    }
}

/// Without a key: what was found is found once by the rules of the ledger.
fn envelope(payment_id: PaymentId) -> Envelope {
    Envelope {
        actor: Actor::Process { name: "reconciler" },
        correlation_id: Uuid::now_v7(),
        causation: Causation::Request(format!("reconciliation of {payment_id}")),
        traceparent: None,
        key: None,
        expected: None,
    }
}
