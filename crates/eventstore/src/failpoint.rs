//! Named steps at which a test can end or freeze the process, as a crash or a long pause would: `append.*`, `idempotency.*`,
//! `publisher.*` here, `process.*` and `call.*` in `commands`, `projection.*` in `projections`. Compiled to nothing without
//! the feature `failpoints`.

/// Ten times what a loaded broker on the same machine takes to acknowledge a batch.
#[cfg(feature = "failpoints")]
const TIME_TO_LEAVE: std::time::Duration = std::time::Duration::from_millis(500);

/// The program has come to this step. `DAYBOOK_FAILPOINT=<step>:<n>:<action>` takes effect when the step is reached for the n-th time. The action is `kill`, `stop`
/// (as SIGSTOP does), or `kill-late`: when what is queued has had the time to leave.
#[cfg(feature = "failpoints")]
pub fn reached(step: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static REACHED: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var("DAYBOOK_FAILPOINT") else { return };
    let mut parts = wanted.split(':');
    if parts.next() != Some(step) {
        return;
    }
    let times: u32 = parts.next().and_then(|times| times.parse().ok()).expect("DAYBOOK_FAILPOINT=<step>:<n>:<action>");
    if REACHED.fetch_add(1, Ordering::Relaxed) + 1 != times {
        return;
    }
    let signal = match parts.next() {
        Some("kill") => rustix::process::Signal::KILL,
        Some("kill-late") => {
            std::thread::sleep(TIME_TO_LEAVE);
            rustix::process::Signal::KILL
        }
        Some("stop") => rustix::process::Signal::STOP,
        other => panic!("a failpoint does not {other:?}"),
    };
    rustix::process::kill_process(rustix::process::getpid(), signal).expect("a process may signal itself");
}

#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reached(_step: &str) {}
