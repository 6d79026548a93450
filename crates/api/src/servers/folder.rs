//! The data folder of a Daybook that runs its own servers: one Daybook at a time, and the secrets kept in it.
//!
//! Knows no server: each keeps a subfolder here.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Marks the folder as ours and carries the lock of the Daybook that uses it.
const LOCK_FILE: &str = "daybook.lock";

/// An open data folder, locked until it is dropped or the process ends.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    lock: File,
}

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the data folder {} is in use by another Daybook", .0.display())]
    InUse(PathBuf),
    #[error("{} is not empty and not a Daybook data folder", .0.display())]
    NotOurs(PathBuf),
    #[error("the data folder {} cannot be used", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Folder {
    /// Opens the folder, or creates it for its owner alone, and locks it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let failed = |source| FolderError::Io { path: path.clone(), source };

        let lock_path = path.join(LOCK_FILE);
        let new = !lock_path.exists();
        if new && fs::read_dir(&path).map_err(failed)?.next().is_some() {
            return Err(FolderError::NotOurs(path));
        }
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock_path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, lock }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(path)),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The secret of this name, made when it is first asked for; readable by the owner alone.
    pub fn secret(&self, name: &str, make: impl FnOnce() -> String) -> Result<String, FolderError> {
        let path = self.path.join(name);
        let failed = |source| FolderError::Io { path: path.clone(), source };
        match fs::read_to_string(&path) {
            Ok(secret) => return Ok(secret),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        let secret = make();
        self.write(name, &secret)?;
        Ok(secret)
    }

    /// Writes a file that the owner alone may read. Written aside and renamed: a crash leaves the whole of it or none.
    pub fn write(&self, name: &str, content: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let unfinished = self.path.join(format!("{name}.new"));
        let write = || {
            let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&unfinished)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)
        };
        write().map_err(|source| FolderError::Io { path: path.clone(), source })
    }

    /// Removes a file that may be there.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(FolderError::Io { path, source }),
            _ => Ok(()),
        }
    }

    /// Removes everything but the lock: the next start is the first one. Servers kept here must have been stopped.
    pub fn clear(&self) -> Result<(), FolderError> {
        let failed = |source| FolderError::Io { path: self.path.clone(), source };
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let folder = entry.file_type().map_err(failed)?.is_dir();
            if folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }.map_err(failed)?;
        }
        Ok(())
    }
}

/// Unlocked by hand: a program that another thread is just starting holds a copy of every descriptor for a moment, and
/// with it the lock.
impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(error = %error, "the data folder could not be unlocked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn check(test: impl FnOnce(&Path)) {
        let parent = std::env::temp_dir().join(format!("daybook-folder-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir(&parent).unwrap();
        test(&parent);
        fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn a_folder_in_use_is_refused_and_free_again_afterwards() {
        check(|parent| {
            let first = Folder::open(&parent.join("data")).unwrap();
            assert!(matches!(Folder::open(&parent.join("data")), Err(FolderError::InUse(_))));
            drop(first);
            Folder::open(&parent.join("data")).unwrap();
        });
    }

    #[test]
    fn somebody_elses_folder_is_refused_and_left_alone() {
        check(|parent| {
            fs::write(parent.join("thesis.txt"), "years of work").unwrap();
            assert!(matches!(Folder::open(parent), Err(FolderError::NotOurs(_))));
            assert_eq!(fs::read_dir(parent).unwrap().count(), 1);
        });
    }

    #[test]
    fn a_secret_is_made_once_for_the_owner_alone_and_goes_with_clear() {
        check(|parent| {
            let folder = Folder::open(&parent.join("data")).unwrap();
            assert_eq!(folder.secret("key", || "first".into()).unwrap(), "first");
            assert_eq!(folder.secret("key", || "second".into()).unwrap(), "first");
            let mode = fs::metadata(folder.path().join("key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            folder.clear().unwrap();
            assert_eq!(folder.secret("key", || "third".into()).unwrap(), "third");
        });
    }
}
