//! How far the projections that run in this process have come, for whoever waits for them. The checkpoint in the
//! database is the truth; this is the news of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use eventstore::Position;
use tokio::sync::watch;

use crate::projection::Definition;

/// Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    standings: Arc<Mutex<HashMap<&'static str, watch::Sender<Standing>>>>,
}

/// How a projection stands in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `None`: it does not run in this process, or has not begun.
    pub(crate) position: Option<Position>,
    /// Why the last round came to nothing, if it did.
    pub(crate) failing: Option<String>,
}

impl Progress {
    pub(crate) fn watch(&self, definition: &Definition) -> watch::Receiver<Standing> {
        self.change(definition, |sender| sender.subscribe())
    }

    /// Also a lower position than before: Postgres may come back from a crash without its last commits of ours.
    pub(crate) fn reached(&self, definition: &Definition, position: Position) {
        self.change(definition, |sender| {
            sender.send_replace(Standing { position: Some(position), failing: None });
        });
    }

    pub(crate) fn failed(&self, definition: &Definition, reason: String) {
        self.change(definition, |sender| {
            sender.send_replace(Standing { position: None, failing: Some(reason) });
        });
    }

    fn change<R>(&self, definition: &Definition, change: impl FnOnce(&watch::Sender<Standing>) -> R) -> R {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        change(standings.entry(definition.schema_name).or_default())
    }
}
