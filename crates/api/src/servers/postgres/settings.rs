//! The settings a private Postgres runs with. They are given on the command line and not kept in postgresql.conf, so
//! that a newer Daybook brings its own to an old data folder.

/// Whether the server must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `daybook dev`: what was answered is on disk.
    Durable,
    /// A cluster for one test run: commits as a durable one does, but nothing waits for the disk.
    Scratch,
}

const ALWAYS: [&str; 17] = [
    "listen_addresses=127.0.0.1",
    // Relative to the cluster's folder: our own, with no path that could grow past a socket's 107 bytes.
    "unix_socket_directories=..",
    "unix_socket_permissions=0700",
    "shared_buffers=128MB",
    "synchronous_commit=on",
    // Checkpoints are rare and spread out: each is followed by a burst of full pages in the log.
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "wal_compression=on",
    // For solid-state disks; and compiling a statement costs more than running ours.
    "random_page_cost=1.1",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "datestyle=ISO",
    // From LOG upwards, which leaves ERROR out: a lost race is an expected answer, and its detail would hold values.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_checkpoints=off",
    "logging_collector=off",
];

impl Durability {
    pub(super) fn settings(self) -> impl Iterator<Item = &'static str> {
        let more: &[&str] = match self {
            Self::Durable => &["fsync=on", "full_page_writes=on", "max_connections=200"],
            Self::Scratch => &["fsync=off", "full_page_writes=off", "max_connections=500"],
        };
        ALWAYS.iter().chain(more).copied()
    }

    /// How passwords are checked. SCRAM makes the client hash thousands of times a connection, which an unoptimised
    /// test build feels; on loopback, for a cluster that lives for minutes, the plain password will do.
    pub(super) fn authentication(self) -> &'static str {
        match self {
            Self::Durable => "scram-sha-256",
            Self::Scratch => "password",
        }
    }
}
