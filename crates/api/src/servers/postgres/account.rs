//! The account a server runs under: Postgres refuses to run as root, so root lends it another one.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Output},
};

/// Accounts that may run the server for root, best first.
const NAMES: [&str; 2] = ["postgres", "nobody"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// None: the server runs as ourselves. As root: whoever owns the server's folder already, else the first of `NAMES`.
pub(super) fn for_server(folder: &Path) -> io::Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    if let Ok(metadata) = folder.metadata()
        && metadata.uid() != 0
    {
        return Ok(Some(Account { uid: metadata.uid(), gid: metadata.gid() }));
    }
    let found = NAMES.iter().find_map(|name| Some(Account { uid: id("-u", name)?, gid: id("-g", name)? }));
    found.map(Some).ok_or_else(|| io::Error::other("Postgres does not run as root, and there is no user `postgres`"))
}

/// Asked of `id` and not read from /etc/passwd, so that accounts from elsewhere (LDAP) count too.
fn id(which: &str, name: &str) -> Option<u32> {
    let Output { status, stdout, .. } = Command::new("id").args([which, name]).output().ok()?;
    status.success().then(|| String::from_utf8_lossy(&stdout).trim().parse().ok())?
}
