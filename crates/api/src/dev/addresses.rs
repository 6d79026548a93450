//! The file in the data folder of `daybook dev` that says where everything is: `name: value` a line, without tokens.
//! `daybook load` finds the book and the broker of a running instance by it.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FILE: &str = "addresses";

pub(super) const API: &str = "api";
/// As `psql` takes it, with a password.
pub(super) const POSTGRES: &str = "postgres";
pub(super) const KAFKA: &str = "kafka";
pub(super) const TOPIC_PREFIX: &str = "topic-prefix";

/// What follows the broker's address where that broker is inside this process: it forgets, and proves nothing.
pub(super) const IN_PROCESS: &str = " (in-process)";

/// Readable by the owner alone.
pub(super) fn write(folder: &Path, lines: &[(&str, &str)]) -> io::Result<()> {
    let text: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let path = folder.join(FILE);
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
