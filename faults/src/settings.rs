//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::plan;

/// Does harm to Daybook, and checks that nothing is lost
#[derive(Debug, Parser)]
#[command(name = "faults")]
pub(crate) struct Settings {
    /// How long it may take in all; each fault is at least made once, and its controls are run once
    #[arg(long, default_value_t = 10, value_name = "MINUTES")]
    pub(crate) minutes: u64,
    /// The seed of an earlier run, to have its schedule again [default: drawn, and printed]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Only these faults: F06,F07
    #[arg(long, value_name = "FAULT", value_delimiter = ',', value_parser = known)]
    pub(crate) only: Vec<String>,
    /// Only the runs with a planted bug
    #[arg(long)]
    pub(crate) controls_only: bool,
    /// Only the runs without
    #[arg(long, conflicts_with = "controls_only")]
    pub(crate) without_controls: bool,
    /// Say what there is, and do nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// Where histories and logs go [default: a new folder beside the program]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
    /// Where the table goes besides
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
}

fn known(text: &str) -> Result<String, String> {
    match plan::find(text) {
        Some(fault) => Ok(fault.id.to_owned()),
        None => Err(format!("there is no fault {text}; --list shows them")),
    }
}

impl Settings {
    pub(crate) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == id)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Settings::command().debug_assert();
    }

    #[test]
    fn a_fault_is_known_by_its_id_in_either_case() {
        assert_eq!(known("f06"), Ok("F06".to_owned()));
        assert!(known("F99").is_err());
    }
}
