//! Where commands wait and are decided: the queue, those that go first, those that wait for cold streams, and the world
//! that all of them are decided on. Knows no writer, so that one batch can be decided here while another is on its way to
//! the book.

use std::collections::{HashSet, VecDeque};
use std::mem;
use std::pin::Pin;
use std::task::Poll;

use chrono::{DateTime, Utc};
use eventstore::{Head, Position, StreamId};
use tokio::sync::mpsc;

use super::refuse;
use crate::batch::{Batch, Taken, Waiting};
use crate::clock::Clock;
use crate::command::{CommandError, Key};
use crate::job::Pending;
use crate::loading::{Loaded, Loading};
use crate::world::World;

/// Commands that may wait for cold streams. They have left the queue, so they need a bound of their own.
const COLD_COMMANDS_MAX: usize = 4_096;
/// A command may wait for this many loads: a use case names its streams in three steps, and entries may be evicted
/// between two of them.
const LOADS_MAX: u8 = 8;
/// After this many, every stream that a command names is loaded for it, whether the world holds it or not: what a load
/// brings is there when the command is tried again.
const LOADS_BEFORE_ALL: u8 = 3;
/// Commands that are decided, or answered, before the writer is looked at again: some 50 microseconds.
const STRIDE: usize = 16;
/// A batch ahead of the one that is on its way may have this many commands before it is weighed against it.
const AHEAD_UNWEIGHED: usize = 16;

pub(super) struct Desk {
    pub(super) queue: mpsc::Receiver<Pending>,
    /// To be decided before anything from the queue.
    pub(super) ready: VecDeque<Pending>,
    /// Their key is to be looked up before they are decided.
    pub(super) repeats: Vec<Pending>,
    pub(super) loading: Loading,
    pub(super) world: World,
    pub(super) clock: Clock,
    /// Smaller than [`super::BATCH_COMMANDS_MAX`] while data that the database refuses is being found by halving.
    pub(super) batch_max: usize,
    /// A load has found that another writer has gone on.
    pub(super) is_behind: bool,
}

/// Of what the next batch is decided on, and how much of it.
pub(super) struct Decided<'a> {
    /// What stands in the book: a load goes no further.
    pub(super) stands: Position,
    /// The batch that is on its way, if one is.
    pub(super) under_way: Option<UnderWay<'a>>,
    pub(super) batch: Batch,
}

/// What is to be known of a batch on its way while the next one is decided.
pub(super) struct UnderWay<'a> {
    pub(super) commands: usize,
    pub(super) keys: &'a HashSet<String>,
}

impl Decided<'_> {
    fn is_full(&self, desk: &Desk) -> bool {
        self.batch.is_full() || self.batch.waiting.len() >= desk.batch_max
    }

    /// Whether one more from the queue goes into this batch. While another is on its way it takes no more than that one has
    /// and the queue would keep. Clients that wait for their answers before they ask again would else all gather in every
    /// second batch, and the writer would wait for the desk, and the desk for the writer.
    fn takes_from(&self, desk: &Desk) -> bool {
        let Some(under_way) = &self.under_way else { return true };
        let ahead = self.batch.waiting.len();
        ahead < AHEAD_UNWEIGHED || ahead < under_way.commands + desk.queue.len()
    }

    fn is_repeat(&self, pending: &Pending) -> bool {
        let key = pending.envelope.key.as_ref();
        let is_under_way = |key: &Key| self.under_way.as_ref().is_some_and(|batch| batch.keys.contains(&key.key));
        pending.look_up_key || key.is_some_and(is_under_way)
    }
}

impl Desk {
    /// One `now` a batch, never behind the head.
    pub(super) fn begin(&self, seen: &Head) -> Batch {
        Batch::after(seen, self.now(seen))
    }

    pub(super) fn now(&self, seen: &Head) -> DateTime<Utc> {
        self.clock.now().max(seen.recorded_at)
    }

    /// Everything that is there, as far as it goes into one batch.
    pub(super) fn decide(&mut self, decided: &mut Decided<'_>) {
        while self.decide_some(decided) {}
    }

    /// Answers and decides while a batch is on its way, until it has arrived. What `written` stands for is looked at between
    /// any few commands.
    pub(super) async fn decide_during<T>(
        &mut self,
        mut written: Pin<&mut impl Future<Output = T>>,
        decided: &mut Decided<'_>,
        answers: &mut VecDeque<Waiting>,
    ) -> T {
        loop {
            let arrived = std::future::poll_fn(|context| Poll::Ready(written.as_mut().poll(context))).await;
            if let Poll::Ready(arrived) = arrived {
                return arrived;
            }
            if !answers.is_empty() {
                answers.drain(..STRIDE.min(answers.len())).for_each(Waiting::answer);
            } else if !self.decide_some(decided) {
                let has_room = !decided.is_full(self);
                let is_open = has_room && decided.takes_from(self);
                tokio::select! {
                    biased;
                    arrived = &mut written => return arrived,
                    () = self.next_one(has_room, is_open) => {}
                }
            }
        }
    }

    /// Decides the next few commands. False if there is none that may go into the batch.
    fn decide_some(&mut self, decided: &mut Decided<'_>) -> bool {
        let mut is_some = false;
        for _ in 0..STRIDE {
            if decided.is_full(self) {
                break;
            }
            let first = self.ready.pop_front();
            let next = first.or_else(|| if decided.takes_from(self) { self.queue.try_recv().ok() } else { None });
            let Some(pending) = next else { break };
            is_some = true;
            self.consider(pending, decided);
        }
        self.loading.start(decided.stands);
        is_some
    }

    fn consider(&mut self, mut pending: Pending, decided: &mut Decided<'_>) {
        if decided.is_repeat(&pending) {
            pending.look_up_key = true;
            self.repeats.push(pending);
            return;
        }
        match decided.batch.take(pending, &mut self.world) {
            Taken::In => {}
            Taken::Cold { pending, missing, named } => self.wait_for_load(pending, missing, named),
            Taken::Panicked { pending, spoilt } => {
                pending.panicked();
                if spoilt {
                    let again = decided.batch.begun_again();
                    self.put_back(mem::replace(&mut decided.batch, again));
                }
            }
        }
    }

    fn wait_for_load(&mut self, mut pending: Pending, missing: Vec<StreamId>, named: Vec<StreamId>) {
        if pending.loads >= LOADS_MAX || self.loading.len() >= COLD_COMMANDS_MAX {
            pending.failed(CommandError::Overloaded);
            return;
        }
        pending.loads += 1;
        let wanted = if pending.loads > LOADS_BEFORE_ALL { named } else { missing };
        self.loading.wait_for(pending, wanted);
    }

    /// Waits for something that can go into the batch; for ever if there is no room in it.
    async fn next_one(&mut self, has_room: bool, is_open: bool) {
        tokio::select! {
            biased;
            loaded = self.loading.finished(), if has_room => self.take_loaded(loaded),
            Some(pending) = self.queue.recv(), if is_open => self.ready.push_back(pending),
            () = std::future::pending() => {}
        }
    }

    /// Those who have waited for a load come next: what it brought may be evicted after any batch.
    pub(super) fn take_loaded(&mut self, loaded: Loaded) {
        let Loaded { states, is_behind, waiting } = loaded;
        match states {
            Ok(states) => {
                for (stream, entry) in states.into_entries() {
                    self.world.put(stream, entry);
                }
                self.first(waiting);
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    commands = waiting.len(),
                    "streams could not be loaded"
                );
                refuse(waiting);
            }
        }
        self.is_behind |= is_behind;
    }

    /// To be decided before anything else, in this order.
    pub(super) fn first(&mut self, commands: impl IntoIterator<Item = Pending, IntoIter: DoubleEndedIterator>) {
        for pending in commands.into_iter().rev() {
            self.ready.push_front(pending);
        }
    }

    /// To be decided again, in the same order, before anything else.
    pub(super) fn again(&mut self, waiting: Vec<Waiting>) {
        self.first(waiting.into_iter().map(|waiting| waiting.pending));
    }

    /// A batch that was decided on what is not so.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.repeats.extend(batch.repeats);
        self.again(batch.waiting);
    }
}
