//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::plan;

/// Does harm to Daybook, and checks that nothing is lost
#[derive(Debug, Parser)]
#[command(name = "faults")]
pub(crate) struct Settings {
    /// How long faults are made, again and again; each at least once, and its controls once, however long that takes
    /// [default: 10, or once with --only]
    #[arg(long, value_name = "MINUTES")]
    pub(crate) minutes: Option<u64>,
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
    /// Where the table goes besides, if everything was run
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
}

fn known(text: &str) -> Result<String, String> {
    match plan::find(text) {
        Some(fault) => Ok(fault.id.to_owned()),
        None => Err(format!("there is no fault {text}; --list shows them")),
    }
}

/// Of a run that is not told how long.
const MINUTES: u64 = 10;

impl Settings {
    pub(crate) fn minutes(&self) -> u64 {
        self.minutes.unwrap_or(MINUTES)
    }

    /// No more than one round of what was asked for.
    pub(crate) fn is_once(&self) -> bool {
        self.controls_only || self.minutes.is_none() && !self.only.is_empty()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_empty() && !self.controls_only && !self.without_controls
    }

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
