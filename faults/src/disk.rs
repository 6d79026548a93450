//! A small file system of its own, for a disk that can be full. Mounting takes root.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Unmounted when dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Why not, where it cannot be had.
    pub(crate) fn mount(path: &Path, bytes: u64) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("mounting a file system takes root".to_owned());
        }
        std::fs::create_dir_all(path).map_err(|error| error.to_string())?;
        let options = format!("size={bytes},mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self { path: path.to_owned() }),
            Ok(output) => {
                Err(format!("no file system can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim()))
            }
            Err(error) => Err(format!("no file system can be mounted: {error}")),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the last process of a server may still be about to leave it.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.path).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.path.display());
        }
    }
}
