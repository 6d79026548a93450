//! `daybook conservation`: what of money and stock does not add up, and the word that somebody has seen to it.

use std::process::ExitCode;

use chrono::Utc;
use clap::Args;
use eventstore::Position;
use projections::conservation::{self, Open};
use projections::{Progress, QueryError, ReadModels};
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};
use crate::conserved::named;

/// Exits with 1 while something is open.
#[derive(Debug, Args)]
pub(super) struct Conservation {
    #[command(flatten)]
    book: BookArgs,
    /// Somebody has seen to what the event at this position broke: readiness does not name it any more
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    acknowledge: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
#[error("the conservation watch cannot be read (has `daybook migrate` run?)")]
struct Unreadable(#[source] QueryError);

#[derive(Debug, thiserror::Error)]
#[error("nothing is open at position {0}")]
struct NothingThere(Position);

impl Conservation {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        let open = runtime.block_on(self.look())?;
        say(&told(&open))?;
        Ok(if open.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn look(&self) -> Result<Open, Failure> {
        let unreadable = |error| Failure::fault(&Unreadable(error));
        let pool = self.book.pool_of(projections::reading).await?;
        if let Some(position) = self.acknowledge.map(Position)
            && !conservation::acknowledge(&pool, position).await.map_err(unreadable)?
        {
            return Err(Failure::usage(&NothingThere(position)));
        }
        let models = ReadModels::new(pool, Progress::default());
        conservation::open(&models, Utc::now()).await.map_err(unreadable)
    }
}

fn told(open: &Open) -> String {
    let mut text = String::new();
    for found in &open.first {
        text += &format!("{}  {}\n", found.since.format("%Y-%m-%d %H:%M:%S"), named(found));
    }
    let shown = i64::try_from(open.first.len()).unwrap_or(i64::MAX);
    match open.count - shown {
        _ if open.count == 0 => "money and stock add up\n".to_owned(),
        0 => text,
        more => text + &format!("and {more} more\n"),
    }
}
