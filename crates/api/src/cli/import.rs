//! `daybook import`: records what an earlier system sold.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};
use crate::import::{self, ImportError, Plan};

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Record orders as an earlier system charged them, and what it gave back
    ///
    /// Each sale becomes an order.imported, each cancellation that can be matched with orders an order.imported_refund. What is
    /// in the book already is left as it is, so an import that was interrupted is run again. Exits with 1 if the book does not
    /// come to what the file says, to the penny, and with 2 if the file cannot be read; then nothing is recorded.
    Orders(Orders),
}

#[derive(Debug, Args)]
struct Orders {
    #[command(flatten)]
    book: BookArgs,
    file: PathBuf,
    /// How to read the file
    #[arg(long, value_enum)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Gzipped CSV with the columns invoice, stock_code, description, quantity, invoiced_at, unit_price, customer_id, country
    OnlineRetail,
}

impl Import {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let What::Orders(orders) = self.what;
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(orders.run())
    }
}

impl Orders {
    async fn run(self) -> Result<ExitCode, Failure> {
        let database = self.book.options()?;
        let Format::OnlineRetail = self.format;
        let file = self.file;
        let plan = tokio::task::spawn_blocking(move || Plan::read(&file)).await;
        let plan = plan.map_err(|error| Failure::fault(&error))?.map_err(|error| Failure::usage(&error))?;
        say(&plan.to_string())?;
        let bar = progress(plan.file.sales.lines);
        let done = import::run(database, &plan, |lines| bar.set_position(lines)).await;
        bar.finish_and_clear();
        let done = done.map_err(|error| match error {
            // Nothing is begun.
            ImportError::Book(_) => Failure::usage(&error),
            _ => Failure::fault(&error),
        })?;
        say(&done.report(&plan).to_string())?;
        Ok(if done.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn progress(lines: u64) -> ProgressBar {
    let bar = ProgressBar::new(lines);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {percent:>3}% {pos}/{len} lines {per_sec}").expect("a valid template"),
    );
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}
