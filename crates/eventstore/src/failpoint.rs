//! Named steps at which a test can end or freeze the process, as a crash or a long pause would: `append.*`, `idempotency.*` and
//! `publisher.*` here, `process.*`, `deadline.*`, `call.*`, `webhook.*` and `reconcile.*` in `commands`, `projection.*` in
//! `projections`. Compiled to nothing without the feature `failpoints`.

#[cfg(feature = "failpoints")]
pub use armed::{arm, counts, reached};

/// The program has come to this step.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_step: &str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
    use std::{env, thread, time::Duration};

    use rustix::process::{Signal, getpid, kill_process};

    /// Ten times what a loaded broker on the same machine takes to acknowledge a batch.
    const TIME_TO_LEAVE: Duration = Duration::from_millis(500);

    const FORM: &str = "DAYBOOK_FAILPOINT=<step>:<n>:<action>, the action kill, kill-late or stop";

    /// What is to happen, and where.
    #[derive(Debug)]
    struct Wanted {
        step: String,
        times: u32,
        signal: Signal,
        late: bool,
    }

    #[derive(Debug, Default)]
    struct Steps {
        wanted: Option<Wanted>,
        /// How often each was reached since the last arming.
        counts: BTreeMap<String, u32>,
    }

    impl Wanted {
        fn parse(text: &str) -> Option<Self> {
            let mut parts = text.split(':');
            let (step, times, action) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?);
            let (signal, late) = match action {
                "kill" => (Signal::KILL, false),
                "kill-late" => (Signal::KILL, true),
                "stop" => (Signal::STOP, false),
                _ => return None,
            };
            Some(Self { step, times, signal, late })
        }
    }

    /// Begins with what the environment says, read once.
    fn steps() -> MutexGuard<'static, Steps> {
        static STEPS: OnceLock<Mutex<Steps>> = OnceLock::new();
        let read = || {
            let wanted = env::var("DAYBOOK_FAILPOINT").ok();
            let wanted = wanted.map(|text| Wanted::parse(&text).expect(FORM));
            Mutex::new(Steps { wanted, counts: BTreeMap::new() })
        };
        STEPS.get_or_init(read).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, counted from now on, this is to happen; `None`: nothing.
    pub fn arm(wanted: Option<&str>) {
        let wanted = wanted.map(|text| Wanted::parse(text).expect(FORM));
        *steps() = Steps { wanted, counts: BTreeMap::new() };
    }

    /// How often each step was reached since the last arming, by its name.
    pub fn counts() -> BTreeMap<String, u32> {
        steps().counts.clone()
    }

    /// The program has come to this step. `DAYBOOK_FAILPOINT=<step>:<n>:<action>` takes effect when the step is reached for
    /// the n-th time. The action is `kill`, `stop` (as SIGSTOP does), or `kill-late`: when what is queued has had the time
    /// to leave.
    pub fn reached(step: &str) {
        let mut steps = steps();
        let count = match steps.counts.get_mut(step) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => *steps.counts.entry(step.to_owned()).or_insert(1),
        };
        let Some(wanted) = steps.wanted.as_ref().filter(|wanted| wanted.step == step && wanted.times == count) else {
            return;
        };
        let (signal, late) = (wanted.signal, wanted.late);
        drop(steps);
        if late {
            thread::sleep(TIME_TO_LEAVE);
        }
        kill_process(getpid(), signal).expect("a process may signal itself");
    }
}
