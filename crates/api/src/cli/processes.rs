//! `daybook processes`: a table of the process managers, from what they remember in the database.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use commands::process::standing::{Progress, Standing, standings};
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct Processes {
    #[command(flatten)]
    book: BookArgs,
}

impl Processes {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        let standings = runtime.block_on(async {
            let pool = self.book.pool().await?;
            standings(&pool).await.map_err(|error| Failure::fault(&Unreadable(error)))
        })?;
        say(&table(&standings))?;
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the processes cannot be read (has `daybook migrate` run?)")]
struct Unreadable(#[source] sqlx::Error);

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
        let Some(Progress { failing, call_error, .. }) = progress else { continue };
        if let Some(reason) = failing {
            put(&mut text, format_args!("\n{process} does not go on: {reason}\n"));
        }
        if let Some(reason) = call_error {
            put(&mut text, format_args!("\na call of {process} is tried again: {reason}\n"));
        }
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
";
        assert_eq!(table(&standings), expected);
    }
}
