//! Where a running `daybook dev` can be reached: a file in its data folder, which the other subcommands read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::servers::folder::{Folder, FolderError};

/// `name: value` a line. For the owner of the folder alone: there is a password in it.
const FILE: &str = "addresses";

/// What follows the broker's address where that broker proves nothing: it forgets.
const IN_PROCESS: &str = " (in-process)";

#[derive(Debug)]
pub(crate) struct Addresses {
    pub(super) api: String,
    pub(super) admin: String,
    pub(super) postgres: String,
    pub(super) kafka: String,
    pub(super) kafka_is_inside: bool,
    pub(super) topic_prefix: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressesError {
    #[error("no DATABASE_URL is set, and no `daybook dev` runs in {}", data.display())]
    NotRunning { data: PathBuf },
    #[error("{} cannot be read", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} names no Postgres", path.display())]
    NoPostgres { path: PathBuf },
}

impl Addresses {
    pub(super) fn lines(&self) -> Vec<(String, String)> {
        [
            ("api", self.api.clone()),
            ("docs", format!("{}/docs", self.api)),
            ("admin", self.admin.clone()),
            ("postgres", self.postgres.clone()),
            ("kafka", self.kafka.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub(super) fn write(&self, folder: &Folder) -> Result<(), FolderError> {
        let mut lines = self.lines();
        if let Some((_, kafka)) = lines.iter_mut().find(|(name, _)| name == "kafka")
            && self.kafka_is_inside
        {
            kafka.push_str(IN_PROCESS);
        }
        lines.push(("topic-prefix".to_owned(), self.topic_prefix.clone()));
        let text: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        folder.write(FILE, &text)
    }

    pub(super) fn forget(folder: &Folder) -> Result<(), FolderError> {
        folder.remove(FILE)
    }
}

/// The URL of the book's Postgres, of the `daybook dev` that runs in this folder.
pub(crate) fn postgres_of(data: &Path) -> Result<String, AddressesError> {
    let path = data.join(FILE);
    let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => AddressesError::NotRunning { data: data.to_owned() },
        _ => AddressesError::Unreadable { path: path.clone(), source },
    })?;
    let found = text.lines().find_map(|line| line.strip_prefix("postgres: "));
    found.map(str::to_owned).ok_or(AddressesError::NoPostgres { path })
}
