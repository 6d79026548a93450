//! Finds the Postgres server binaries installed on this machine. Knows nothing of clusters.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest server Daybook runs on.
const MAJOR_MIN: u32 = 15;

/// Where packages put servers that are not on the PATH; `*` stands for the major version.
const PACKAGED: [&str; 4] =
    ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/pgsql/bin"];

/// A folder with `postgres` and `initdb`, and the version they are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    major: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum MissingError {
    #[error(
        "no Postgres server of version {MAJOR_MIN} or newer was found; `apt-get install postgresql` brings one to \
         Debian and Ubuntu, elsewhere name the folder of its binaries in PG_BIN"
    )]
    NotInstalled,
    #[error("PG_BIN={} holds no Postgres server of version {MAJOR_MIN} or newer", .0.display())]
    NotInFolder(PathBuf),
    #[error("this data folder is of Postgres {cluster}, and only {} is installed", .installed.join(", "))]
    OtherVersion { cluster: u32, installed: Vec<String> },
}

impl Binaries {
    /// The newest server, or the one an existing cluster was made by. `bin`, from PG_BIN, is looked at instead of the
    /// usual places.
    pub(super) fn find(bin: Option<&Path>, cluster: Option<u32>) -> Result<Self, MissingError> {
        let mut found: Vec<Self> = match bin {
            Some(folder) => Self::of(folder).into_iter().collect(),
            None => usual_places().iter().filter_map(|folder| Self::of(folder)).collect(),
        };
        found.retain(|binaries| binaries.major >= MAJOR_MIN);
        if found.is_empty() {
            return Err(bin.map_or(MissingError::NotInstalled, |folder| MissingError::NotInFolder(folder.to_owned())));
        }
        found.sort_by_key(|binaries| binaries.major);
        let Some(cluster) = cluster else {
            return found.pop().ok_or(MissingError::NotInstalled);
        };
        let installed = found.iter().map(|binaries| binaries.major.to_string()).collect();
        let same = found.into_iter().find(|binaries| binaries.major == cluster);
        same.ok_or(MissingError::OtherVersion { cluster, installed })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn of(folder: &Path) -> Option<Self> {
        // A link on the PATH leads to a folder that holds the rest of the server too.
        let postgres = folder.join("postgres").canonicalize().ok()?;
        let output = Command::new(&postgres).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        let folder = postgres.parent()?.to_owned();
        folder.join("initdb").exists().then_some(Self { folder, major })
    }
}

fn usual_places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    // The shell looks along the PATH, so that nothing here reads the environment.
    if let Ok(output) = Command::new("/bin/sh").args(["-c", "command -v postgres"]).output() {
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        places.extend(Path::new(&line).parent().map(Path::to_owned));
    }
    for pattern in PACKAGED {
        match pattern.split_once('*') {
            None => places.push(PathBuf::from(pattern)),
            Some((before, after)) => places.extend(matching(before, after)),
        }
    }
    places
}

/// The folders `before*after`, where the star is within one path component.
fn matching(before: &str, after: &str) -> Vec<PathBuf> {
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names = names.filter(|name| name.starts_with(prefix));
    names.map(|name| PathBuf::from(format!("{parent}/{name}{after}"))).collect()
}

/// The major version in what `postgres --version` prints: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split(") ").nth(1)?;
    let digits = number.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_releases_packages_and_betas() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18.1\n"), Some(18));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major_of("postgres: command not found"), None);
    }

    #[test]
    fn a_folder_without_a_server_and_a_version_that_is_not_there_are_named() {
        let missing = Binaries::find(Some(Path::new("/nonexistent")), None);
        assert!(matches!(missing, Err(MissingError::NotInFolder(_))));
        assert!(matches!(Binaries::find(None, Some(9)), Err(MissingError::OtherVersion { cluster: 9, .. })));
    }
}
