//! Repeats: commands whose idempotency key has been used are answered from what was stored under it.

use eventstore::ReadError;
use eventstore::idempotency::StoredKey;

use super::Executor;
use crate::batch::{Batch, Waiting};
use crate::command::CommandError;
use crate::job::Pending;
use crate::rejection::Rejection;

impl Executor {
    /// Commands whose key is known to be taken. `None` if the keys could not be looked up; then every command has been
    /// put off.
    pub(super) async fn answer_known_keys(&mut self, commands: Vec<Pending>) -> Option<Vec<Pending>> {
        let wanted: Vec<_> = commands
            .iter()
            .filter(|pending| pending.look_up_key)
            .filter_map(|pending| pending.envelope.key.as_ref())
            .map(|key| (key.scope.clone(), key.key.clone()))
            .collect();
        if wanted.is_empty() {
            return Some(commands);
        }
        match self.writer.keys(&wanted).await {
            Ok(stored) => Some(commands.into_iter().filter_map(|pending| answer_from(pending, &stored)).collect()),
            Err(error) => {
                self.without_keys(&error, commands).await;
                None
            }
        }
    }

    /// A rejected or empty command may be the repeat of one that succeeded: its key decides. False if the keys could
    /// not be looked up; then every command has been put off.
    pub(super) async fn take_out_repeats(&mut self, batch: &mut Batch) -> bool {
        let wanted = batch.keys_to_look_up();
        if wanted.is_empty() {
            return true;
        }
        let stored = match self.writer.keys(&wanted).await {
            Ok(stored) => stored,
            Err(error) => {
                let waiting = std::mem::take(&mut batch.waiting);
                self.without_keys(&error, waiting.into_iter().map(|waiting| waiting.pending).collect()).await;
                return false;
            }
        };
        if stored.is_empty() {
            return true;
        }
        batch.keys.retain(|key| !stored.iter().any(|stored| stored.scope == key.scope && stored.key == key.key));
        for Waiting { pending, verdict } in std::mem::take(&mut batch.waiting) {
            // One that appends is a repeat only if the append says so.
            let left = if verdict.appends() { Some(pending) } else { answer_from(pending, &stored) };
            batch.waiting.extend(left.map(|pending| Waiting { pending, verdict }));
        }
        true
    }

    async fn without_keys(&mut self, error: &ReadError, commands: Vec<Pending>) {
        tracing::warn!(error = error as &dyn std::error::Error, "idempotency keys could not be looked up");
        self.ride_out(commands).await;
    }
}

/// Answers a command whose key is among `stored`; any other one is given back.
fn answer_from(mut pending: Pending, stored: &[StoredKey]) -> Option<Pending> {
    let Some(key) = &pending.envelope.key else { return Some(pending) };
    match stored.iter().find(|stored| stored.scope == key.scope && stored.key == key.key) {
        Some(found) if found.fingerprint == key.fingerprint => pending.replayed(found),
        Some(_) => pending.failed(CommandError::Rejected(Rejection::KeyReused)),
        None => {
            pending.look_up_key = false;
            return Some(pending);
        }
    }
    None
}
