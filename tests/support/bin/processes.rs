//! Runs the processes of a node as a program that a test can kill at any step. It does what a line of its standard input
//! says, and answers with a line: the book, the provider and the clock are the test's, and outlive it.

use std::{
    error::Error,
    io,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName};
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    clock::Clock,
    command::{CommandError, Envelope},
    executor::{Commands, Executor, Settings},
    gateway::{
        Gateways,
        stripe::{NAME, Secret, Stripe, StripeConfig},
    },
    process::{
        self, Deadline, Effect, Process, Runnable,
        calls::CallWorkers,
        reconciler::Reconciler,
        runner::{ProcessRunner, Round},
        webhooks::{Received, WebhookWorkers, Webhooks},
    },
};
use domain::aggregate::UnreadableEvent;
use eventstore::{Book, Feed, HeadWatch, RecordedEvent, Writer, failpoint};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use support::stripe::{SECRET_KEY, WEBHOOK_SECRET};

type Failed = Box<dyn Error>;

/// Of the processes, and as many again for reading.
const CONNECTIONS: u32 = 4;
/// As a node has it by default.
const RECONCILE_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database_url, stripe_url, ahead_us, stumbles] = &arguments[..] else {
        return Err("usage: processes DATABASE_URL STRIPE_URL MICROSECONDS_AHEAD STUMBLES".into());
    };
    let clock = Clock::default();
    clock.pass(TimeDelta::microseconds(ahead_us.parse()?));
    let mut program = Program::start(database_url.parse()?, stripe_url, clock, stumbles.parse()?).await?;
    for line in io::stdin().lines() {
        let answer = program.obey(&line?).await?;
        let mut out = io::stdout().lock();
        out.write_all(format!("{answer}\n").as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

struct Program {
    clock: Clock,
    stumbles: Arc<AtomicBool>,
    runners: Vec<ProcessRunner>,
    calls: CallWorkers,
    webhooks: Webhooks,
    webhook_workers: WebhookWorkers,
    reconciler: Reconciler,
}

impl Program {
    async fn start(database: PgConnectOptions, stripe_url: &str, clock: Clock, stumbles: bool) -> Result<Self, Failed> {
        let stumbles = Arc::new(AtomicBool::new(stumbles));
        let pool = |options| PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        let book = Book::new(pool(eventstore::session::reading(database.clone())));
        let mut writer = Writer::connect(database.clone()).await?;
        let head = writer.head().await?;
        let settings = Settings { clock: clock.clone(), ..Settings::default() };
        let (commands, executor) = Executor::with(settings, writer, head, book.clone(), HeadWatch::new());
        tokio::spawn(executor.run());
        let gateways = Arc::new(Gateways::default().with(Arc::new(stripe(stripe_url, clock.clone())?)));
        let (pool, feed) = (pool(database), Feed::new(book));
        let mut runners = Vec::new();
        for process in process::all(&gateways) {
            let process = Box::new(Stumbling { process, stumbles: Arc::clone(&stumbles) });
            runners.push(ProcessRunner::new(process, pool.clone(), feed.clone(), commands.clone()).await?);
        }
        Ok(Self {
            clock: clock.clone(),
            stumbles,
            runners,
            calls: CallWorkers::new(pool.clone(), commands.clone(), Arc::clone(&gateways)),
            webhooks: Webhooks::new(pool.clone(), Arc::clone(&gateways), clock),
            webhook_workers: WebhookWorkers::new(pool.clone(), commands.clone(), Arc::clone(&gateways)),
            reconciler: Reconciler::new(pool, commands, gateways),
        })
    }

    async fn obey(&mut self, line: &str) -> Result<String, Failed> {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        match what {
            "arm" => failpoint::arm(Some(rest)),
            "disarm" => failpoint::arm(None),
            "pass" => self.clock.pass(TimeDelta::minutes(rest.parse()?)),
            "stumble" => self.stumbles.store(rest.parse()?, Ordering::SeqCst),
            "follow" => return Ok(self.follow().await?.to_string()),
            "calls" => return Ok((self.calls.run_once().await? > 0).to_string()),
            "webhooks" => return Ok((self.webhook_workers.run_once().await? > 0).to_string()),
            "webhook" => return self.receive(rest).await,
            "reconcile" => return Ok(self.reconciler.run_due(NAME, RECONCILE_EVERY).await?.to_string()),
            "counts" => {
                let counts = failpoint::counts().into_iter().map(|(step, count)| format!("{step}={count}"));
                return Ok(counts.collect::<Vec<_>>().join(" "));
            }
            unknown => return Err(format!("nobody knows how to {unknown}").into()),
        }
        Ok("done".to_owned())
    }

    /// Until all processes are at the head. Whether there was anything to do.
    async fn follow(&mut self) -> Result<bool, Failed> {
        let (mut worked, mut at_rest) = (false, false);
        while !at_rest {
            at_rest = true;
            for runner in &mut self.runners {
                let round = runner.run_once().await?;
                worked |= round == Round::Worked;
                // Elsewhere: the connection of one that was killed is still being ended.
                at_rest &= round == Round::Idle;
            }
        }
        Ok(worked)
    }

    /// A signature and a body, as the API takes them in.
    async fn receive(&self, webhook: &str) -> Result<String, Failed> {
        let (signature, body) = webhook.split_once(' ').ok_or("a webhook is its signature and its body")?;
        let headers = HeaderMap::from_iter([(HeaderName::from_static("stripe-signature"), signature.parse()?)]);
        let received = self.webhooks.receive(NAME, &headers, body.as_bytes()).await?;
        Ok(if received == Received::Kept { "kept" } else { "repeated" }.to_owned())
    }
}

fn stripe(url: &str, clock: Clock) -> Result<Stripe, Failed> {
    let config = StripeConfig {
        base_url: url.to_owned(),
        secret_key: Secret::new(SECRET_KEY),
        webhook_secrets: vec![Secret::new(WEBHOOK_SECRET)],
        return_url: Some("https://shop.example/paid".to_owned()),
        authorities: None,
    };
    Ok(Stripe::new(config, clock)?)
}

/// A process whose effects fail by a fault of ours, while they are to: streams are set aside for it.
struct Stumbling {
    process: Box<dyn Process>,
    stumbles: Arc<AtomicBool>,
}

impl Process for Stumbling {
    fn name(&self) -> &'static str {
        self.process.name()
    }

    fn waits_for(&self) -> &'static str {
        self.process.waits_for()
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Effect>, UnreadableEvent> {
        let over = |runnable| Effect::Run(Box::new(Over { runnable, stumbles: Arc::clone(&self.stumbles) }));
        let effects = self.process.react(event)?.into_iter();
        Ok(effects.map(|effect| if let Effect::Run(runnable) = effect { over(runnable) } else { effect }).collect())
    }

    fn fire(&self, deadline: &Deadline) -> Option<Box<dyn Runnable>> {
        self.process.fire(deadline)
    }

    fn fires_after(&self) -> &'static [&'static str] {
        self.process.fires_after()
    }
}

#[derive(Debug)]
struct Over {
    runnable: Box<dyn Runnable>,
    stumbles: Arc<AtomicBool>,
}

#[async_trait]
impl Runnable for Over {
    fn name(&self) -> &'static str {
        self.runnable.name()
    }

    async fn run(&self, commands: &Commands, envelope: Envelope) -> Result<Option<DateTime<Utc>>, CommandError> {
        if self.stumbles.load(Ordering::SeqCst) {
            return Err(CommandError::Failed("a test's fault"));
        }
        self.runnable.run(commands, envelope).await
    }
}
