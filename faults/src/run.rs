//! All runs, one after another: every fault, every control, and more of the faults while there is time.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use api::auth::signing::open_or_create_dev_key;

use crate::{
    cluster::Cluster,
    disk::Disk,
    error::{Error, chain},
    plan::{FAULTS, Plan},
    report::{Results, Run},
    rng::Rng,
    settings::Settings,
    stage::{self, Bench},
};

/// For the run of ten minutes, faults take as long as their table says.
const MINUTES_OF_THE_TABLE: f64 = 10.0;
const SCALE_MIN: f64 = 0.25;
const SCALE_MAX: f64 = 3.0;

/// Whether every check of a healthy run passed and every planted bug was found.
pub(crate) async fn all(settings: &Settings) -> Result<bool, Error> {
    let began = Instant::now();
    let seed = settings.seed.unwrap_or_else(drawn);
    let scale = (settings.minutes() as f64 / MINUTES_OF_THE_TABLE).clamp(SCALE_MIN, SCALE_MAX);
    let bench = bench(settings).await?;
    let folder = bench.folder.clone();
    println!("faults: seed {seed}, {} minutes, {}", settings.minutes(), bench.folder.display());
    let mut results = Results::new(seed, settings.minutes());
    let rng = Rng::new(seed);
    let time = Duration::from_secs(settings.minutes() * 60);
    let mut round = 0;
    loop {
        let round_began = Instant::now();
        for (number, plan) in plans(settings, &rng, scale, round).into_iter().enumerate() {
            let folder = bench.folder.join(format!("{round}-{number:02}-{}", plan.name().replace(' ', "-")));
            let run = one(&bench, plan, folder).await;
            run.tell();
            results.add(run);
        }
        round += 1;
        // Another round only if it fits: it has no controls, so it takes less than the first.
        if settings.is_once() || began.elapsed() + round_began.elapsed() * 2 / 3 > time {
            break;
        }
    }
    results.print();
    // What is worth keeping is small: histories and logs.
    drop(bench);
    for heavy in ["postgres", "daybook"].map(|name| folder.join(name)) {
        let _gone = if heavy.is_dir() { std::fs::remove_dir_all(&heavy) } else { std::fs::remove_file(&heavy) };
    }
    if let Some(path) = settings.results.as_ref().filter(|_| settings.is_whole()) {
        let failed = |source| Error::File { path: path.clone(), source };
        std::fs::write(path, results.document()).map_err(failed)?;
    }
    Ok(results.passed())
}

/// Of one round: the healthy runs, and in the first one the controls.
fn plans(settings: &Settings, rng: &Rng, scale: f64, round: usize) -> Vec<Plan> {
    let mut plans = Vec::new();
    for fault in FAULTS.iter().filter(|fault| settings.wants(fault.id)) {
        let seed = |what: &str| rng.fork(&format!("{round} {} {what}", fault.id)).next();
        if !settings.controls_only {
            plans.extend(Plan::all_healthy(fault, seed("healthy"), scale));
        }
        if round == 0 && !settings.without_controls {
            plans.extend(fault.controls.iter().map(|control| Plan::control(fault, control, seed(control.bug))));
        }
    }
    plans
}

async fn one(bench: &Bench, plan: Plan, folder: PathBuf) -> Run {
    let Some(bytes) = plan.fault.disk_bytes else {
        let done = stage::run(bench, plan.clone(), Arc::clone(&bench.cluster), folder).await;
        return of(plan, done);
    };
    let disk = match Disk::mount(&folder.join("disk"), bytes) {
        Ok(disk) => disk,
        Err(reason) => return Run::Skipped { plan, reason },
    };
    let cluster = match Cluster::start(&folder.join("disk")).await {
        Ok(cluster) => Arc::new(cluster),
        Err(error) => return Run::Broken { plan, error: chain(&error) },
    };
    let done = stage::run(bench, plan.clone(), Arc::clone(&cluster), folder).await;
    drop(cluster);
    drop(disk);
    of(plan, done)
}

fn of(plan: Plan, done: Result<stage::Report, Error>) -> Run {
    match done {
        Ok(report) => Run::Done(report),
        Err(error) => Run::Broken { plan, error: chain(&error) },
    }
}

async fn bench(settings: &Settings) -> Result<Bench, Error> {
    let own = std::env::current_exe().map_err(Error::Start)?;
    let beside = own.with_file_name("daybook");
    let folder = match &settings.folder {
        Some(folder) => folder.clone(),
        None => own.with_file_name("faults-runs").join(uuid::Uuid::now_v7().simple().to_string()),
    };
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    let keys = folder.join("keys");
    std::fs::create_dir_all(&keys).map_err(file(&keys))?;
    // Under a name of its own: a build meanwhile puts another program there.
    let program = folder.join("daybook");
    if std::fs::hard_link(&beside, &program).is_err() {
        std::fs::copy(&beside, &program).map_err(|_| Error::NoProgram(beside))?;
    }
    let master_key = keys.join("master.key");
    std::fs::write(&master_key, "5a".repeat(32)).map_err(file(&master_key))?;
    open_or_create_dev_key(&keys)?;
    let cluster = Arc::new(Cluster::start(&folder.join("postgres")).await?);
    Ok(Bench { program, keys, cluster, folder })
}

fn drawn() -> u64 {
    // Short enough to be typed.
    Rng::new(uuid::Uuid::new_v4().as_u64_pair().0).below(1_000_000_000)
}
