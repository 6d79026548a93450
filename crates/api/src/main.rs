//! The binary `daybook`.

use std::process::ExitCode;

use api::cli::Cli;
use clap::Parser;
use mimalloc::MiMalloc;

/// Commands and events are many small allocations, freed by another thread than the one that made them: about a tenth of
/// the program's time less than with the system's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run()
}
