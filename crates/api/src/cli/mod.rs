//! The command line: one file a subcommand. A mistake of whoever typed it is one line on standard error and exit code 2.

mod asyncapi;
mod book;
mod conservation;
mod dev;
mod flash_sale;
mod healthcheck;
mod import;
mod load;
mod migrate;
mod openapi;
mod processes;
mod rebuild;
mod reconcile;
mod serve;
mod token;
mod verify;
mod webhooks;

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An event-sourced backend for commerce
#[derive(Debug, Parser)]
#[command(name = "daybook", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine, with a Postgres and a Kafka of its own
    Dev(Box<dev::Dev>),
    /// Run a node against a Postgres and a Kafka of your own
    Serve(Box<serve::Serve>),
    /// Put a year of real invoices through HTTP, and reconcile what came of it
    Load(load::Load),
    /// Sell a few units to many buyers at once, and see that it comes out to the unit
    FlashSale(flash_sale::Sale),
    /// Record what an earlier system sold, as it was charged
    Import(import::Import),
    /// Make or renew the database's schema, as its owner
    Migrate(migrate::Migrate),
    /// Empty read models, as the owner: the nodes post them anew from the first page of the book
    Rebuild(rebuild::Rebuild),
    /// Walk the book and name the first position that is wrong
    Verify(verify::Verify),
    /// Show what of money and stock does not add up
    Conservation(conservation::Conservation),
    /// Show the process managers: how far each has come, what it waits for, what is open
    Processes(processes::Processes),
    /// Show the webhooks of payment providers that cannot be settled
    Webhooks(webhooks::Webhooks),
    /// Compare the books of payment providers with the ledger
    Reconcile(reconcile::Reconcile),
    /// Print a token signed with the development key
    Token(token::Token),
    /// Print the OpenAPI document of this release
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
    /// Print the AsyncAPI document of this release
    #[command(name = "asyncapi")]
    AsyncApi(asyncapi::AsyncApi),
    /// Exit 0 if a node is ready, 1 if not
    Healthcheck(healthcheck::Healthcheck),
}

impl Cli {
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Command::Dev(dev) => dev.run(),
            Command::Serve(serve) => serve.run(),
            Command::Load(load) => load.run(),
            Command::FlashSale(sale) => sale.run(),
            Command::Import(import) => import.run(),
            Command::Migrate(migrate) => migrate.run(),
            Command::Rebuild(rebuild) => rebuild.run(),
            Command::Verify(verify) => verify.run(),
            Command::Conservation(conservation) => conservation.run(),
            Command::Processes(processes) => processes.run(),
            Command::Webhooks(webhooks) => webhooks.run(),
            Command::Reconcile(reconcile) => reconcile.run(),
            Command::Token(token) => token.run(),
            Command::OpenApi(openapi) => openapi.run(),
            Command::AsyncApi(asyncapi) => asyncapi.run(),
            Command::Healthcheck(healthcheck) => healthcheck.run(),
        };
        done.unwrap_or_else(|failure| {
            // Whoever read it may have gone, and a program that panics says no more.
            let _unread = writeln!(io::stderr(), "daybook: {failure}");
            failure.exit_code
        })
    }
}

/// Writes to standard output. That nobody reads it any more is no failure: a pipe to `head` is closed early.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::fault(&Unsaid(error))),
        _ => Ok(()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("standard output cannot be written")]
struct Unsaid(#[source] io::Error);

/// Why a subcommand gave up, in one line.
#[derive(Debug)]
pub(crate) struct Failure {
    line: String,
    exit_code: ExitCode,
}

/// Wrong flags, a port in use, a folder in use, no such file: what the caller can put right.
const EXIT_USAGE: u8 = 2;

impl Failure {
    /// The caller can put it right: exit code 2.
    pub(crate) fn usage(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { line: in_one_line(error), exit_code: ExitCode::from(EXIT_USAGE) }
    }

    /// It went wrong while it ran: exit code 1.
    pub(crate) fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        Self { line: in_one_line(error), exit_code: ExitCode::FAILURE }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

/// The error with the chain of its causes. Those of others repeat theirs, which is left out.
fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
