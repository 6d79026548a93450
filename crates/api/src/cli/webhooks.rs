//! `daybook webhooks`: what payment providers have told and cannot be settled; how one is looked into at once, and how one that
//! is nobody's is set aside.

use std::fmt::Write as _;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use commands::process::standing::{
    OpenWebhook, WebhookAside, open_webhooks, retry_webhook, set_aside_webhook, webhooks_aside,
};
use domain::ids::Reason;
use sqlx::PgPool;
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct Webhooks {
    #[command(flatten)]
    book: BookArgs,
    /// Have a webhook looked into at once, also one that was set aside
    #[arg(long, value_name = "PROVIDER/EVENT", conflicts_with = "set_aside")]
    retry: Option<String>,
    /// Take a webhook off that was looked into in vain and is nobody's here
    #[arg(long, value_name = "PROVIDER/EVENT")]
    set_aside: Option<String>,
    /// Why it is set aside, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A webhook as it is named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    provider: String,
    event_id: String,
}

/// What is to be done before they are shown.
#[derive(Debug, PartialEq)]
enum Wish {
    Nothing,
    Retry(Named),
    SetAside(Named, Reason),
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Mistake {
    #[error("{0:?} is no webhook: name its provider and its event, such as stripe/evt_1NG8Du2eZvKYlo2C")]
    Name(String),
    #[error("say why it is set aside: --reason TEXT")]
    NoReason,
    #[error("a reason is text of 1 to 500 characters")]
    Reason,
    #[error("--reason goes with --set-aside")]
    ReasonAlone,
    #[error("no webhook {}/{} is open or set aside", .0.provider, .0.event_id)]
    NotOpen(Named),
    #[error("no webhook {}/{} was looked into in vain", .0.provider, .0.event_id)]
    NotInVain(Named),
}

#[derive(Debug, thiserror::Error)]
#[error("the webhooks cannot be read (has `daybook migrate` run?)")]
struct Unreadable(#[source] sqlx::Error);

impl Webhooks {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let wish = self.wish().map_err(|mistake| Failure::usage(&mistake))?;
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        let (open, aside) = runtime.block_on(async {
            let pool = self.book.pool().await?;
            carry_out(&pool, wish).await?;
            let read = async { Ok((open_webhooks(&pool).await?, webhooks_aside(&pool).await?)) };
            read.await.map_err(|error| Failure::fault(&Unreadable(error)))
        })?;
        say(&text(&open, &aside))?;
        Ok(ExitCode::SUCCESS)
    }

    fn wish(&self) -> Result<Wish, Mistake> {
        match (&self.retry, &self.set_aside, &self.reason) {
            (Some(name), _, None) => Ok(Wish::Retry(named(name)?)),
            (None, Some(_), None) => Err(Mistake::NoReason),
            (None, Some(name), Some(reason)) => {
                Ok(Wish::SetAside(named(name)?, Reason::new(reason).map_err(|_| Mistake::Reason)?))
            }
            (_, _, Some(_)) => Err(Mistake::ReasonAlone),
            (None, None, None) => Ok(Wish::Nothing),
        }
    }
}

fn named(name: &str) -> Result<Named, Mistake> {
    match name.split_once('/') {
        Some((provider, event_id)) if !provider.is_empty() && !event_id.is_empty() => {
            Ok(Named { provider: provider.to_owned(), event_id: event_id.to_owned() })
        }
        _ => Err(Mistake::Name(name.to_owned())),
    }
}

async fn carry_out(pool: &PgPool, wish: Wish) -> Result<(), Failure> {
    let (done, mistake) = match wish {
        Wish::Nothing => return Ok(()),
        Wish::Retry(webhook) => {
            (retry_webhook(pool, &webhook.provider, &webhook.event_id).await, Mistake::NotOpen(webhook))
        }
        Wish::SetAside(webhook, reason) => {
            let Named { provider, event_id } = &webhook;
            (set_aside_webhook(pool, provider, event_id, &reason).await, Mistake::NotInVain(webhook))
        }
    };
    match done {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::usage(&mistake)),
        Err(error) => Err(Failure::fault(&Unreadable(error))),
    }
}

/// Those that somebody has to look at first.
fn text(open: &[OpenWebhook], aside: &[WebhookAside]) -> String {
    let mut text = String::new();
    if open.is_empty() {
        put(&mut text, format_args!("no webhook was looked into in vain\n"));
    }
    for webhook in open {
        let OpenWebhook { provider, event_id, event_type, received_at, attempts, reason, .. } = webhook;
        let (state, since) = (state_of(webhook), time(*received_at));
        put(
            &mut text,
            format_args!("{provider}/{event_id}  {event_type}  {state} since {since}, {attempts} attempts: {reason}\n"),
        );
    }
    if !open.is_empty() {
        put(&mut text, format_args!("\nat once:   daybook webhooks --retry PROVIDER/EVENT\n"));
        put(&mut text, format_args!("nobody's:  daybook webhooks --set-aside PROVIDER/EVENT --reason TEXT\n"));
    }
    if !aside.is_empty() {
        put(&mut text, format_args!("\nset aside, and forgotten after 30 days:\n"));
    }
    for WebhookAside { provider, event_id, event_type, set_aside_at, reason, .. } in aside {
        let at = time(*set_aside_at);
        put(&mut text, format_args!("{provider}/{event_id}  {event_type}  at {at}: {reason}\n"));
    }
    text
}

/// As `daybook processes` calls it.
pub(super) fn state_of(webhook: &OpenWebhook) -> &'static str {
    if webhook.parked { "parked" } else { "open" }
}

fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_wait_are_named_with_what_can_be_done_and_then_those_that_are_set_aside() {
        let at = "2026-11-21T11:00:00Z".parse().expect("a time");
        let (provider, event_type) = ("stripe".to_owned(), "charge.refunded".to_owned());
        let open = OpenWebhook {
            provider: provider.clone(),
            event_id: "evt_1".to_owned(),
            event_type: event_type.clone(),
            parked: true,
            received_at: at,
            attempts: 7,
            reason: "pi_1 was not opened by us".to_owned(),
        };
        let aside = WebhookAside {
            provider,
            event_id: "evt_2".to_owned(),
            event_type,
            received_at: at,
            set_aside_at: at,
            reason: "of the other shop".to_owned(),
        };
        let expected = "\
stripe/evt_1  charge.refunded  parked since 2026-11-21 11:00:00, 7 attempts: pi_1 was not opened by us

at once:   daybook webhooks --retry PROVIDER/EVENT
nobody's:  daybook webhooks --set-aside PROVIDER/EVENT --reason TEXT

set aside, and forgotten after 30 days:
stripe/evt_2  charge.refunded  at 2026-11-21 11:00:00: of the other shop
";
        assert_eq!(text(&[open], &[aside]), expected);
        assert_eq!(text(&[], &[]), "no webhook was looked into in vain\n");
    }
}
