//! The life of one run: a database of its own, nodes and clients, a few quiet seconds, a fault, the healing, quiet again, the
//! last reads, and what the checkers say.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use api::auth::signing::TokenSigner;
use eventstore::Point;
use rustix::process::Signal;
use sqlx::Connection as _;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bank::{Bank, Postman},
    checks::{self, Verdict, verdict},
    client::Site,
    cluster::Cluster,
    error::Error,
    evidence::{self, Evidence, Stopping},
    history::{History, Outcome},
    node::{Node, Setting},
    plan::Plan,
    probe,
    proxy::Proxy,
    rest,
    rng::Rng,
    shop::{self, Tokens},
    tail,
};

/// Load without a fault, before it and after the healing.
const QUIET: Duration = Duration::from_millis(1_500);
/// A start of a program that was built for debugging, on a busy machine, before the run.
const FIRST_READY_WITHIN: Duration = Duration::from_secs(60);
/// I10: from the healing on.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// A node that is not ready by then will not be.
const READY_AT_ALL_WITHIN: Duration = Duration::from_secs(40);
/// What shoppers have begun they finish, or give up.
const SHOPPERS_DONE_WITHIN: Duration = Duration::from_secs(60);
/// DRAIN_TIMEOUT of the server and what comes after it.
pub(crate) const STOPPED_WITHIN: Duration = Duration::from_secs(45);

/// What all runs share.
pub(crate) struct Bench {
    pub(crate) program: PathBuf,
    pub(crate) keys: PathBuf,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) folder: PathBuf,
}

/// What a fault works on.
pub(crate) struct Stage {
    pub(crate) plan: Plan,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) database: String,
    pub(crate) proxy: Proxy,
    pub(crate) nodes: Vec<Node>,
    pub(crate) site: Arc<Site>,
    pub(crate) rng: Rng,
    pub(crate) stops: Vec<Stopping>,
    /// What the fault itself found wrong, by the invariant that it breaks.
    pub(crate) found: Vec<(&'static str, String)>,
    /// What was done, for the log of the run.
    pub(crate) notes: Vec<String>,
    pub(crate) signer: TokenSigner,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) plan: Plan,
    pub(crate) ok: usize,
    pub(crate) fail: usize,
    pub(crate) info: usize,
    pub(crate) events: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) seconds: u64,
    pub(crate) folder: PathBuf,
}

struct Load {
    shoppers: JoinSet<()>,
    stop_shoppers: CancellationToken,
    readers: JoinSet<Vec<Point>>,
    stop_readers: CancellationToken,
    postman: Option<JoinHandle<Postman>>,
    stop_postman: CancellationToken,
}

pub(crate) async fn run(bench: &Bench, plan: Plan, cluster: Arc<Cluster>, folder: PathBuf) -> Result<Report, Error> {
    let began = Instant::now();
    let file = |source| Error::File { path: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(file)?;
    let history = Arc::new(History::create(&folder.join("history.jsonl")).map_err(file)?);
    let mut stage = Stage::set(bench, plan, cluster, &folder, history).await?;
    let verdicts = stage.play(&folder).await?;
    let records = stage.site.history.records();
    let count = |outcome| records.iter().filter(|record| record.outcome == outcome).count();
    Ok(Report {
        ok: count(Outcome::Ok),
        fail: count(Outcome::Fail),
        info: count(Outcome::Info),
        events: verdicts.1,
        notes: std::mem::take(&mut stage.notes),
        verdicts: verdicts.0,
        seconds: began.elapsed().as_secs(),
        plan: stage.plan,
        folder,
    })
}

impl Stage {
    async fn set(
        bench: &Bench,
        plan: Plan,
        cluster: Arc<Cluster>,
        folder: &std::path::Path,
        history: Arc<History>,
    ) -> Result<Self, Error> {
        let rng = Rng::new(plan.seed);
        let database = format!("run_{}", uuid::Uuid::new_v4().simple());
        cluster.create_database(&database, None).await?;
        let proxy = Proxy::start(cluster.port()?).await.map_err(Error::Port)?;
        let bank = if plan.stripe { Some(Arc::new(Bank::open().await)) } else { None };
        let setting = Setting {
            program: bench.program.clone(),
            database_url: cluster.app_url_through(&database, proxy.port())?,
            folder: folder.to_owned(),
            keys: bench.keys.clone(),
            planted_bug: plan.bug,
            pool_connections: plan.fault.pool_connections,
            stripe_url: bank.as_deref().map(Bank::url),
        };
        let nodes = (0..plan.fault.nodes).map(|number| Node::new(setting.clone(), number));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let site = Arc::new(Site { ports: nodes.iter().map(Node::port).collect(), history, bank });
        let signer = api::auth::signing::open_or_create_dev_key(&bench.keys)?;
        let (stops, found, notes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { plan, cluster, database, proxy, nodes, site, rng, stops, found, notes, signer })
    }

    pub(crate) fn tokens(&self) -> Tokens<'_> {
        Tokens { signer: &self.signer }
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    pub(crate) fn find(&mut self, check: &'static str, what: impl Into<String>) {
        self.found.push((check, what.into()));
    }

    /// How long a fault goes on.
    pub(crate) fn time(&self) -> Duration {
        self.plan.time()
    }

    /// Where a failpoint is planned, every start of a node has it.
    pub(crate) async fn start(&mut self, node: usize) -> Result<(), Error> {
        let failpoint = self.plan.failpoint.clone();
        self.nodes[node].start(failpoint.as_deref()).await
    }

    /// The verdicts, and how many events there are.
    async fn play(&mut self, folder: &std::path::Path) -> Result<(Vec<Verdict>, usize), Error> {
        for node in &mut self.nodes {
            node.start(None).await?;
        }
        for port in self.site.ports.clone() {
            probe::ready(port, FIRST_READY_WITHIN).await?;
        }
        let mut rng = self.rng.fork("stock");
        let mut staff = self.tokens().staff(&self.site, &self.rng, "first staff");
        shop::stock_up(&mut staff, &mut rng).await?;
        let mut load = self.load();
        sleep(QUIET).await;
        self.nodes.iter_mut().for_each(Node::note_usage);
        (self.plan.fault.inject)(self).await?;
        self.heal().await?;
        sleep(QUIET).await;
        let postman = load.end_shopping().await;
        let mut verdicts = self.rest(postman).await?;
        let tails = load.end_reading().await;
        self.stop_nodes().await;
        let evidence = self.gather(tails).await?;
        verdicts.extend(checks::of_evidence(&evidence));
        let pool = evidence::pool(self.cluster.owner(&self.database)?).await?;
        if self.plan.fault.mutates && self.plan.bug.is_none() {
            verdicts.push(verdict("I8 mutations", checks::mutations_are_found(&self.cluster, &self.database).await?));
        }
        verdicts.extend(checks::of_database(&self.cluster, &self.database, &pool, &evidence).await);
        pool.close().await;
        verdicts.extend(self.logs(folder));
        for (check, what) in self.found.drain(..) {
            verdicts.push(verdict(check, vec![what]));
        }
        self.cluster.drop_database(&self.database).await?;
        Ok((verdicts, evidence.book.len().saturating_sub(1)))
    }

    fn load(&mut self) -> Load {
        let stop_readers = CancellationToken::new();
        let mut rng = self.rng.fork("readers");
        let readers = tail::readers(&self.cluster, &self.database, &mut rng, self.time() + QUIET, &stop_readers);
        let (shoppers, stop_shoppers) = shop::open(&self.tokens(), &self.site, &self.rng, self.plan.fault.shoppers);
        let stop_postman = CancellationToken::new();
        let postman = self.site.bank.clone().map(|bank| {
            let client = self.tokens().staff(&self.site, &self.rng, "postman");
            Postman::new(bank, client, self.rng.fork("webhooks")).walk(stop_postman.clone())
        });
        Load { shoppers, stop_shoppers, readers, stop_readers, postman, stop_postman }
    }

    /// Takes away whatever the fault has left, and sees that the nodes come back by themselves.
    async fn heal(&mut self) -> Result<(), Error> {
        self.proxy.heal();
        if let Ok(processes) = self.cluster.processes() {
            for pid in processes {
                let _gone = crate::cluster::signal_process(pid, Signal::CONT);
            }
        }
        if self.cluster.has_ended() {
            self.restart_postgres().await?;
        }
        for node in &mut self.nodes {
            node.signal(Signal::CONT);
            if node.has_failpoint() && node.is_running() {
                node.kill().await;
            }
            if !node.is_running() {
                node.start(None).await?;
            }
        }
        let healed = Instant::now();
        let at_all = if self.plan.bug.is_some() { READY_WITHIN } else { READY_AT_ALL_WITHIN };
        for port in self.site.ports.clone() {
            if probe::ready(port, at_all).await.is_err() {
                self.find("I10", format!("node on port {port} is not ready after {} s", healed.elapsed().as_secs()));
            } else if healed.elapsed() > READY_WITHIN {
                self.find("I10", format!("ready only {:.1} s after the healing", healed.elapsed().as_secs_f64()));
            }
        }
        Ok(())
    }

    pub(crate) async fn restart_postgres(&mut self) -> Result<(), Error> {
        self.cluster.restart().await?;
        self.proxy.lead_to(self.cluster.port()?);
        Ok(())
    }

    /// Nothing is asked any more: everything has to catch up, and nothing may be left open. Before that what takes its time
    /// gets it, as far as it can be had: calls that are answered late, webhooks, and the hour that an order may be unpaid.
    async fn rest(&mut self, mut postman: Option<Postman>) -> Result<Vec<Verdict>, Error> {
        let patience = if self.plan.bug.is_some() { rest::LAG_WITHIN / 3 } else { rest::LAG_WITHIN };
        for is_later in [false, true] {
            if is_later {
                rest::deadlines_pass(&self.cluster, &self.database, patience).await?;
            }
            if let Some(postman) = &mut postman {
                postman.finish().await;
            }
            rest::calls_are_settled(&self.cluster, &self.database, patience).await?;
        }
        let lags = rest::everything_catches_up(&self.cluster, &self.database, patience).await?;
        let reads =
            rest::orders_can_be_read(&self.tokens(), &self.site, &self.rng, &self.cluster, &self.database).await?;
        let leaks = rest::nothing_leaks(&self.cluster, &self.database, &self.nodes).await?;
        Ok(vec![verdict("I10", [lags, reads].concat()), verdict("I13", leaks)])
    }

    async fn stop_nodes(&mut self) {
        for number in 0..self.nodes.len() {
            let node = &mut self.nodes[number];
            node.signal(Signal::TERM);
            match node.ends(STOPPED_WITHIN).await {
                Some(0) => {}
                Some(code) => self.find("F28", format!("a node that was told to stop ended with {code}")),
                None => {
                    node.kill().await;
                    self.find("F28", "a node that was told to stop did not".to_owned());
                }
            }
        }
    }

    async fn gather(&mut self, tails: Vec<Vec<Point>>) -> Result<Evidence, Error> {
        let pool = evidence::pool(self.cluster.owner(&self.database)?).await?;
        let book = evidence::read_book(&pool).await?;
        let mut evidence = Evidence::new(self.site.history.records(), book);
        evidence.keys = evidence::read_keys(&pool).await?;
        evidence.tails = tails;
        evidence.stops = std::mem::take(&mut self.stops);
        evidence.deadlines_have_passed = true;
        evidence.webhooks = evidence::read_webhooks(&pool).await?;
        evidence.open_calls = evidence::count_open_calls(&pool).await?;
        if let Some(bank) = &self.site.bank {
            evidence.provider = bank.books().await?;
            evidence.paid_at_the_bank = bank.paid();
        }
        pool.close().await;
        Ok(evidence)
    }

    /// I13: a task that panics says so.
    fn logs(&self, folder: &std::path::Path) -> Vec<Verdict> {
        let mut panics = Vec::new();
        for node in &self.nodes {
            let log = std::fs::read_to_string(node.log()).unwrap_or_default();
            let lines = log.lines().filter(|line| line.contains("panicked"));
            panics.extend(lines.map(|line| format!("{}: {line}", folder.display())));
        }
        vec![verdict("I13", panics)]
    }

    /// As the superuser, beside the proxy.
    pub(crate) async fn execute(&self, statement: &'static str) -> Result<(), Error> {
        let mut connection = self.superuser().await?;
        sqlx::query(statement).execute(&mut connection).await?;
        close(connection).await;
        Ok(())
    }

    pub(crate) async fn superuser(&self) -> Result<sqlx::PgConnection, Error> {
        self.cluster.connect(&self.database).await
    }
}

impl Load {
    /// The postman, who has not brought everything yet.
    async fn end_shopping(&mut self) -> Option<Postman> {
        self.stop_shoppers.cancel();
        let all = async { while self.shoppers.join_next().await.is_some() {} };
        if tokio::time::timeout(SHOPPERS_DONE_WITHIN, all).await.is_err() {
            // What they had sent stands in the history without an answer: its outcome is unknown, as theirs is.
            self.shoppers.abort_all();
        }
        self.stop_postman.cancel();
        match self.postman.take() {
            Some(walking) => walking.await.ok(),
            None => None,
        }
    }

    async fn end_reading(&mut self) -> Vec<Vec<Point>> {
        self.stop_readers.cancel();
        let mut tails = Vec::new();
        while let Some(tail) = self.readers.join_next().await {
            tails.extend(tail);
        }
        tails
    }
}

pub(crate) async fn close(connection: sqlx::PgConnection) {
    // The server may have ended it already.
    let _ended = connection.close().await;
}
