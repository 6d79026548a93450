//! The fault harness: starts the real program against a real Postgres, does it harm while clients shop, and checks what
//! RELIABILITY promises. Every fault is also run with a bug planted, which has to be found.
//!
//! - `settings`: the command line; `plan`: the faults and their controls; `stage`: the life of one run; `report`: the table
//! - `cluster`, `proxy` with `wire`, `node`: what is harmed; `faults`: the harm
//! - `client`, `shop`, `shopper`, `bank`, `tail`: who uses it meanwhile; `history`, `evidence`: what is known of it afterwards; `rest`,
//!   `checks`: what is wrong with that; `probe`: the health of a node

mod bank;
mod checks;
mod client;
mod cluster;
mod disk;
mod error;
mod evidence;
mod faults;
mod history;
mod node;
mod plan;
mod probe;
mod proxy;
mod report;
mod rest;
mod rng;
mod run;
mod settings;
mod shop;
mod shopper;
mod stage;
mod tail;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let settings = settings::Settings::parse();
    if settings.list {
        report::list();
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("faults: {error}");
            return ExitCode::FAILURE;
        }
    };
    // However it is stopped: what was started ends with it, and what was mounted is taken away.
    let all = async {
        tokio::select! {
            passed = run::all(&settings) => passed,
            _ = tokio::signal::ctrl_c() => Ok(false),
        }
    };
    match runtime.block_on(all) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}
