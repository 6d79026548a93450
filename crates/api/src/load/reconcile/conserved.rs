//! What the conservation watch has found: money and stock, added up from the events alone, by neither the rules nor the file.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use eventstore::Position;
use projections::conservation::{self, SETTLED_WITHIN};
use projections::{Progress, QueryError, ReadModels};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::super::check::Check;
use crate::conserved::named;

const NAME: &str = "conserved";
/// The watch is behind the book by as much as any read model.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is left to be settled once nothing is appended any more, is not settled.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const CONNECTIONS: u32 = 1;

pub(super) async fn check(postgres: &str, head: Position) -> Check {
    match look(postgres, head).await {
        Ok(check) => check,
        Err(error) => Check::broken(NAME, &error),
    }
}

async fn look(postgres: &str, head: Position) -> Result<Check, QueryError> {
    let options: PgConnectOptions = postgres.parse()?;
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(projections::reading(options));
    let models = ReadModels::new(pool, Progress::default());
    let begun = Instant::now();
    models.wait_for(&[&conservation::DEFINITION], head, PATIENCE).await?;
    // As if the time were over in which it may be settled.
    let in_the_end = Utc::now() + SETTLED_WITHIN + TimeDelta::minutes(1);
    loop {
        let open = conservation::open(&models, in_the_end).await?;
        let Some(first) = open.first.first() else {
            return Ok(Check::ok(NAME, "money and stock add up over every event"));
        };
        if begun.elapsed() > PATIENCE {
            return Ok(Check::fail(NAME, format!("{} do not add up, the first: {}", open.count, named(first))));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
