//! Bugs that are compiled in on purpose, each where a real one could be, so that whoever looks for faults can show that it
//! would find them. Only with the feature `planted-bugs`, which no build for use has.

use std::sync::OnceLock;

/// Whether `DAYBOOK_PLANTED_BUG` names this one. Read once: the answer path asks for every batch.
pub fn is(bug: &str) -> bool {
    static PLANTED: OnceLock<Option<String>> = OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("DAYBOOK_PLANTED_BUG").ok()).as_deref() == Some(bug)
}
