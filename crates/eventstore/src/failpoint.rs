//! Named steps at which a test can end or freeze the process, as a crash or a long pause would: `append.*`, `idempotency.*` and
//! `publisher.*` here, `process.*` and `call.*` in `commands`, `projection.*` in `projections`. Compiled to nothing without
//! the feature `failpoints`.

#[cfg(feature = "failpoints")]
pub use armed::reached;

/// The program has come to this step.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_step: &str) {}

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };
    use std::{env, thread, time::Duration};

    use rustix::process::{Signal, getpid, kill_process};

    /// Ten times what a loaded broker on the same machine takes to acknowledge a batch.
    const TIME_TO_LEAVE: Duration = Duration::from_millis(500);

    const FORM: &str = "DAYBOOK_FAILPOINT=<step>:<n>:<action>, the action kill, kill-late or stop";

    /// What is to happen, and where.
    struct Wanted {
        step: String,
        times: u32,
        signal: Signal,
        late: bool,
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

    /// The program has come to this step. `DAYBOOK_FAILPOINT=<step>:<n>:<action>` takes effect when the step is reached for
    /// the n-th time. The action is `kill`, `stop` (as SIGSTOP does), or `kill-late`: when what is queued has had the time
    /// to leave. Read once, because the answer path asks for every batch.
    pub fn reached(step: &str) {
        static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
        static REACHED: AtomicU32 = AtomicU32::new(0);

        let read = || env::var("DAYBOOK_FAILPOINT").ok().map(|text| Wanted::parse(&text).expect(FORM));
        let Some(wanted) = WANTED.get_or_init(read).as_ref().filter(|wanted| wanted.step == step) else { return };
        if REACHED.fetch_add(1, Ordering::Relaxed) + 1 != wanted.times {
            return;
        }
        if wanted.late {
            thread::sleep(TIME_TO_LEAVE);
        }
        kill_process(getpid(), wanted.signal).expect("a process may signal itself");
    }
}
