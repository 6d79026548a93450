//! Folders that live for one test run. A static is never dropped, and a killed run cleans up nothing: so every run
//! sweeps what ended runs have left, and two runs at once leave each other alone.

use api::servers::{folder::Folder, postgres::Postgres};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A new folder for a server of this kind, locked as long as it is held.
pub async fn folder(kind: &str) -> Folder {
    let parent = build().join("scratch");
    sweep(&parent, kind).await;
    let path = parent.join(format!("{kind}-{}", uuid::Uuid::new_v4().simple()));
    Folder::open(&path).expect("the target folder is writable")
}

/// Where cargo put the programs of this build, `target/debug` as a rule: tests lie one folder further down, in `deps`.
pub fn build() -> PathBuf {
    let program = std::env::current_exe().expect("Linux and macOS know the running program");
    let folder = program.parent().expect("a program lies in a folder");
    let build = if folder.ends_with("deps") { folder.parent().expect("cargo's folders are not roots") } else { folder };
    build.to_owned()
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository")
}

async fn sweep(parent: &Path, kind: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let prefix = format!("{kind}-");
    let left = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    for entry in left {
        // Locked: the other run is alive. Any other failure is for that run's folder, not for this run.
        let Ok(folder) = Folder::open(&entry.path()) else { continue };
        if Postgres::remove(&folder).await.is_ok() {
            let _already_gone = fs::remove_dir_all(folder.path());
        }
    }
}
