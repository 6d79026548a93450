//! The file in the data folder of `daybook dev` that says where everything is: `name: value` a line, without tokens.
//! `daybook load` finds the book and the broker of a running instance by it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

pub(crate) const ADDRESSES_FILE: &str = "addresses";

pub(crate) const API: &str = "api";
/// As `psql` takes it, with a password.
pub(crate) const POSTGRES: &str = "postgres";
pub(crate) const KAFKA: &str = "kafka";
/// [`IN_PROCESS`], or [`EXTERNAL`] for one that was named.
pub(crate) const BROKER: &str = "broker";
pub(crate) const TOPIC_PREFIX: &str = "topic-prefix";

pub(crate) const IN_PROCESS: &str = "in-process";
pub(crate) const EXTERNAL: &str = "external";

/// Readable by the owner alone.
pub(super) fn write(folder: &Path, lines: &[(&str, &str)]) -> io::Result<()> {
    let text: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let path = folder.join(ADDRESSES_FILE);
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
