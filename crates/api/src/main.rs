//! The binary `daybook`.

use std::process::ExitCode;

use api::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    Cli::parse().run()
}
