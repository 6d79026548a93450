//! Folders that live for one test run. A static is never dropped, and a killed run cleans up nothing: so every run
//! sweeps what ended runs have left, and two runs at once leave each other alone.

use api::servers::folder::{Folder, FolderError};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A new folder for a server of this kind, locked as long as it is held.
pub fn folder(kind: &str) -> Folder {
    let parent = build().join("scratch");
    sweep(&parent, kind);
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

fn sweep(parent: &Path, kind: &str) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    let prefix = format!("{kind}-");
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)) {
        // Locked: that run is alive. Any other folder is swept, and what a dying server still writes into it next time.
        if !matches!(Folder::open(&entry.path()), Err(FolderError::InUse(_))) {
            let _partly = fs::remove_dir_all(entry.path());
        }
    }
}
