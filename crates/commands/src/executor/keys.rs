//! Repeats: commands whose idempotency key has been used are answered from what was stored under it.

use eventstore::ReadError;
use eventstore::idempotency::StoredKey;

use super::Executor;
use crate::batch::{Batch, Waiting};
use crate::command::CommandError;
use crate::job::Pending;
use crate::rejection::Rejection;

impl Executor {
    /// Commands whose key is known to be taken, or may be: what is not stored is decided next. If the keys cannot be looked up,
    /// these commands are put off.
    pub(super) async fn answer_repeats(&mut self) {
        if self.desk.repeats.is_empty() {
            return;
        }
        let commands = std::mem::take(&mut self.desk.repeats);
        let wanted: Vec<_> = commands
            .iter()
            .filter_map(|pending| pending.envelope.key.as_ref())
            .map(|key| (key.scope.clone(), key.key.clone()))
            .collect();
        match self.writer.keys(&wanted).await {
            Ok(stored) => {
                let new: Vec<_> = commands.into_iter().filter_map(|pending| answer_from(pending, &stored)).collect();
                self.desk.first(new);
            }
            Err(error) => self.without_keys(&error, commands).await,
        }
    }

    /// A rejected or empty command may be the repeat of one that succeeded: its key decides. If the keys cannot be looked up,
    /// every command is put off.
    pub(super) async fn take_out_repeats(&mut self, batch: &mut Batch) {
        let wanted = batch.keys_to_look_up();
        if wanted.is_empty() {
            return;
        }
        let stored = match self.writer.keys(&wanted).await {
            Ok(stored) => stored,
            Err(error) => {
                let waiting = std::mem::take(&mut batch.waiting);
                self.without_keys(&error, waiting.into_iter().map(|waiting| waiting.pending).collect()).await;
                return;
            }
        };
        if stored.is_empty() {
            return;
        }
        batch.draft.retain_keys(|key| !stored.iter().any(|stored| stored.scope == key.scope && stored.key == key.key));
        for Waiting { pending, verdict } in std::mem::take(&mut batch.waiting) {
            // One that appends is a repeat only if the append says so.
            let left = if verdict.appends() { Some(pending) } else { answer_from(pending, &stored) };
            batch.waiting.extend(left.map(|pending| Waiting { pending, verdict }));
        }
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
