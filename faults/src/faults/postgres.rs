//! F06, F15, F17, F18: what can happen to Postgres.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    cluster::signal_process,
    error::Error,
    history::{Kind, Outcome},
    probe,
    shop::{SKUS, command, receipt},
    stage::{Stage, close},
};

/// Of F15: what a cluster with three databases takes, and some of the log.
pub(crate) const DISK_BYTES: u64 = 256 << 20;
const FILL_PIECE: usize = 1 << 20;
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// F06. How long a server that was killed is away.
const AWAY_MAX: Duration = Duration::from_secs(4);
const BETWEEN_MIN: Duration = Duration::from_millis(1_500);
const BETWEEN_MAX: Duration = Duration::from_millis(3_500);

/// F18: connections that a node may have, where it would take some 38, and clients that want one.
const CONNECTIONS: usize = 12;
const LEAKED: usize = 5;
const CLIENTS: usize = 200;
/// A query that finds no connection gives up after 3 s, and several such waits may follow one another.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);

pub(crate) async fn killed(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("postgres");
    let (began, time) = (Instant::now(), stage.time());
    let (mut kills, mut way) = (0, 1 + rng.below(3));
    while began.elapsed() < time {
        match way % 3 {
            0 => kill_one_backend(stage).await?,
            1 => stage.cluster.signal(Signal::KILL)?,
            // An immediate stop.
            _ => stage.cluster.signal(Signal::QUIT)?,
        }
        if way % 3 != 0 {
            let away = if stage.plan.bug.is_some() { AWAY_MAX } else { rng.between(Duration::ZERO, AWAY_MAX) };
            sleep(away).await;
            stage.restart_postgres().await?;
        }
        (kills, way) = (kills + 1, way + 1);
        sleep(rng.between(BETWEEN_MIN, BETWEEN_MAX)).await;
    }
    stage.cluster.answers().await?;
    stage.note(format!("{kills} kills"));
    Ok(())
}

/// The server takes all others down with it and recovers.
async fn kill_one_backend(stage: &Stage) -> Result<(), Error> {
    let mut connection = stage.superuser().await?;
    let writer = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'daybook%' LIMIT 1";
    let pid: Option<i32> = sqlx::query_scalar(writer).fetch_optional(&mut connection).await?;
    close(connection).await;
    match pid.and_then(|pid| u32::try_from(pid).ok()) {
        Some(pid) => signal_process(pid, Signal::KILL),
        None => Ok(()),
    }
}

/// F15. Writes are refused while the disk is full, and go on when there is room again.
pub(crate) async fn disk_full(stage: &mut Stage) -> Result<(), Error> {
    let log = stage.cluster.log()?;
    let filler = log.with_file_name("filler");
    let filled = fill(&filler);
    let (began, time) = (Instant::now(), stage.time());
    // Whoever writes waits for a long time before it is refused: reading is somebody else's.
    let mut writer = stage.tokens().staff(&stage.site, &stage.rng, "writer at a full disk");
    let mut reader = stage.tokens().staff(&stage.site, &stage.rng, "reader at a full disk");
    let writing = async {
        let mut refused = 0;
        while began.elapsed() < time {
            let key = uuid::Uuid::new_v4().to_string();
            refused += usize::from(writer.send(&receipt(SKUS[0], 1), Some(&key)).await.status == Some(503));
            sleep(ASK_AGAIN).await;
        }
        refused
    };
    let reading = async {
        let query = command(Kind::ReadOrder, "GET", "/v1/orders?limit=1".to_owned(), &Value::Null);
        let (mut read, mut asked) = (0, 0);
        while began.elapsed() < time {
            read += usize::from(reader.send(&query, None).await.outcome == Outcome::Ok);
            asked += 1;
            sleep(ASK_AGAIN).await;
        }
        (read, asked)
    };
    let (refused, (read, asked)) = tokio::join!(writing, reading);
    std::fs::remove_file(&filler).map_err(|source| Error::File { path: filler, source })?;
    let went_down = stage.cluster.has_ended();
    if went_down {
        stage.restart_postgres().await?;
    }
    stage.cluster.answers().await?;
    let crashes = std::fs::read_to_string(&log).unwrap_or_default().matches("PANIC").count();
    stage.note(format!(
        "{filled} MiB filled, {refused} writes refused, {read} of {asked} reads answered, {crashes} crashes of Postgres"
    ));
    if refused == 0 && stage.plan.bug.is_none() {
        stage.find("F15", "no write was refused: the disk was not full");
    }
    if crashes == 0 && 2 * read < asked && stage.plan.bug.is_none() {
        stage.find("F15", format!("of {asked} reads {read} were answered, and Postgres was there"));
    }
    Ok(())
}

/// Until nothing more goes in; how many MiB that were.
fn fill(path: &Path) -> usize {
    let Ok(mut file) = File::create(path) else { return 0 };
    let piece = vec![0x5a; FILL_PIECE];
    let mut pieces = 0;
    while file.write_all(&piece).is_ok() {
        pieces += 1;
    }
    pieces
}

/// F17: others hold a transaction id, a lock on the events, a connection that does nothing; the last in another database.
pub(crate) async fn long_transactions(stage: &mut Stage) -> Result<(), Error> {
    let mut rng = stage.rng.fork("transactions");
    let hold = stage.time() / 4;
    let holders: [(&str, &[&str]); 4] = [
        ("run", &["BEGIN", "SELECT pg_current_xact_id()"]),
        ("run", &["BEGIN", "LOCK TABLE book.events IN SHARE MODE"]),
        ("run", &["BEGIN", "SELECT count(*) FROM book.events", "SELECT count(*) FROM projection.checkpoints"]),
        ("postgres", &["BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT pg_current_xact_id()"]),
    ];
    for (database, statements) in holders {
        let mut holder = match database {
            "run" => stage.superuser().await?,
            other => stage.cluster.connect(other).await?,
        };
        for statement in statements {
            sqlx::raw_sql(*statement).execute(&mut holder).await?;
        }
        sleep(hold + rng.between(Duration::ZERO, Duration::from_millis(300))).await;
        close(holder).await;
    }
    stage.note("4 long transactions");
    Ok(())
}

/// F18: the server's role may have few connections, somebody else holds some of them, and everybody asks.
pub(crate) async fn connections_exhausted(stage: &mut Stage) -> Result<(), Error> {
    limit_connections(stage, i64::try_from(CONNECTIONS).unwrap_or(-1)).await?;
    stage.proxy.cut();
    let leaked = leak(stage).await;
    let (began, time) = (Instant::now(), stage.time());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let rng = stage.rng.fork(&format!("crowd {number}"));
        let mut client = stage.tokens().staff(&stage.site, &rng, "staff");
        clients.spawn(async move {
            let query = command(Kind::ReadOrder, "GET", "/v1/orders?limit=5".to_owned(), &Value::Null);
            let mut slowest = Duration::ZERO;
            while began.elapsed() < time {
                let asked = Instant::now();
                client.send(&query, None).await;
                slowest = slowest.max(asked.elapsed());
                sleep(Duration::from_millis(200)).await;
            }
            slowest
        });
    }
    let mut unwell = 0;
    while began.elapsed() < time {
        unwell += usize::from(probe::status(stage.nodes[0].port(), "/health/live").await != Some(200));
        sleep(Duration::from_millis(250)).await;
    }
    let slowest = clients.join_all().await.into_iter().max().unwrap_or_default();
    leaked.into_iter().for_each(drop);
    limit_connections(stage, -1).await?;
    stage.note(format!("{CLIENTS} clients, slowest answer {:.1} s, health away {unwell} times", slowest.as_secs_f64()));
    if unwell > 1 {
        stage.find("F18", format!("the health of the node could not be asked {unwell} times"));
    }
    if slowest > REFUSED_WITHIN {
        stage.find("F18", format!("an answer took {slowest:?}"));
    }
    Ok(())
}

async fn limit_connections(stage: &Stage, limit: i64) -> Result<(), Error> {
    let mut connection = stage.superuser().await?;
    let alter = format!("ALTER ROLE daybook_server CONNECTION LIMIT {limit}");
    sqlx::raw_sql(AssertSqlSafe(alter)).execute(&mut connection).await?;
    close(connection).await;
    Ok(())
}

/// As many as can be had, up to [`LEAKED`].
async fn leak(stage: &Stage) -> Vec<PgConnection> {
    let mut leaked = Vec::new();
    for _ in 0..LEAKED {
        let Ok(options) = stage.cluster.app(&stage.database) else { break };
        if let Ok(connection) = options.connect().await {
            leaked.push(connection);
        }
    }
    leaked
}
