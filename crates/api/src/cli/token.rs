//! `daybook token`: one token on standard output, and nothing else. For development: the key is the one of `daybook dev`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use super::{Failure, say};
use crate::auth::Role;
use crate::auth::signing::{Grant, SigningKeyError, open_dev_key};

#[derive(Debug, Args)]
pub(super) struct Token {
    /// customer, staff, auditor, admin or service
    #[arg(long)]
    role: Role,
    /// Whom the token speaks for [default: somebody new]
    #[arg(long, value_name = "UUID")]
    subject: Option<Uuid>,
    /// How long it is valid: 90s, 15m, 1h, 7d
    #[arg(long, default_value = "1h", value_name = "TIME", value_parser = parse_duration)]
    ttl: Duration,
    /// The data folder of `daybook dev`
    #[arg(long, env = "DAYBOOK_DATA", default_value = ".daybook", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("no development key in {}: `daybook dev` makes one; in production the tokens come from your identity provider", data.display())]
struct NotDevelopment {
    data: PathBuf,
}

impl Token {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let signer = open_dev_key(&self.data).map_err(|error| match error {
            SigningKeyError::Absent { .. } => Failure::usage(&NotDevelopment { data: self.data.clone() }),
            other => Failure::usage(&other),
        })?;
        let subject = self.subject.unwrap_or_else(Uuid::now_v7);
        let token = signer.sign(Grant { subject, role: self.role, guest: false, lifetime: self.ttl });
        say(&format!("{token}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "a time is a number and a unit: 90s, 15m, 1h, 7d";
    let unit = text.chars().last().ok_or(WRONG)?;
    let seconds_per_unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(WRONG),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| WRONG)?;
    Ok(Duration::from_secs(u64::from(count) * seconds_per_unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(parse_duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        for text in ["", "h", "1", "-1h", "1y", "1.5h", "1 h", "é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
