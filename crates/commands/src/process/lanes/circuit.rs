//! Open while a provider does not answer: then one at a time is sent to see whether it does again.

use std::time::{Duration, Instant};

use crate::process::pause::{doubled, jittered};

/// So many in a row without an answer, and it is not chance any more.
const SILENCES_MAX: u32 = 5;
/// First and longest pause before the next is sent to see; it doubles in between.
const PAUSE_MIN: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// One that was sent to see and never came back is given up: longer than any takes.
const PROBE_LIMIT: Duration = Duration::from_secs(60);

/// What somebody who went to a provider came back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A clear answer, be it no.
    Answer,
    /// None, or nothing that makes sense.
    Silence,
    /// It was not asked after all.
    Nothing,
}

#[derive(Debug, Default)]
pub(super) struct Circuit {
    silences: u32,
    /// Since it is open: when the next may go and see, and how often that was in vain.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    in_vain: i32,
    /// One is on its way to see.
    probing: bool,
}

impl Circuit {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How many may set out.
    pub(super) fn admits(&self, now: Instant) -> usize {
        match &self.open {
            None => usize::MAX,
            Some(open) if now >= open.until => 1,
            Some(_) => 0,
        }
    }

    /// The one that goes to see is waited for.
    pub(super) fn enters(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.until = now + PROBE_LIMIT;
            open.probing = true;
        }
    }

    /// Whether it is open now.
    pub(super) fn hears(&mut self, heard: Heard, now: Instant) -> bool {
        match (heard, &mut self.open) {
            (Heard::Answer, _) => *self = Self::default(),
            // Those that had set out before it opened say nothing new.
            (_, Some(open)) if !open.probing => {}
            (Heard::Nothing, Some(open)) => {
                open.until = now;
                open.probing = false;
            }
            (Heard::Nothing, None) => {}
            (Heard::Silence, Some(open)) => {
                open.in_vain = open.in_vain.saturating_add(1);
                open.probing = false;
                open.until = now + jittered(doubled(PAUSE_MIN, PAUSE_MAX, open.in_vain));
            }
            (Heard::Silence, None) => {
                self.silences += 1;
                if self.silences >= SILENCES_MAX {
                    self.open = Some(Open { until: now + jittered(PAUSE_MIN), in_vain: 1, probing: false });
                }
            }
        }
        self.is_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(100);

    fn silent(circuit: &mut Circuit, now: Instant, times: u32) {
        for _ in 0..times {
            circuit.hears(Heard::Silence, now);
        }
    }

    #[test]
    fn it_opens_after_so_many_silences_in_a_row_and_an_answer_between_begins_anew() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        silent(&mut circuit, now, SILENCES_MAX - 1);
        assert!(!circuit.hears(Heard::Answer, now));
        silent(&mut circuit, now, SILENCES_MAX - 1);
        assert_eq!((circuit.is_open(), circuit.admits(now)), (false, usize::MAX));
        assert!(circuit.hears(Heard::Silence, now));
        assert_eq!(circuit.admits(now), 0);
    }

    #[test]
    fn one_at_a_time_goes_to_see_and_an_answer_lets_all_through() {
        let (mut circuit, mut now) = (Circuit::default(), Instant::now());
        silent(&mut circuit, now, SILENCES_MAX);
        now += PAUSE_MIN * 2;
        assert_eq!(circuit.admits(now), 1);
        circuit.enters(now);
        assert_eq!(circuit.admits(now + Duration::from_secs(30)), 0);
        // It was lost on the way.
        assert_eq!(circuit.admits(now + PROBE_LIMIT), 1);
        // It found that there was nothing to ask.
        circuit.enters(now);
        assert!(circuit.hears(Heard::Nothing, now));
        assert_eq!(circuit.admits(now), 1);
        assert!(!circuit.hears(Heard::Answer, now));
        assert_eq!(circuit.admits(now), usize::MAX);
    }

    #[test]
    fn each_time_in_vain_the_pause_is_longer_and_never_longer_than_a_minute_or_so() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        silent(&mut circuit, now, SILENCES_MAX);
        let mut pauses = Vec::new();
        // Those that had set out before count for nothing.
        silent(&mut circuit, now, 100);
        assert_eq!(circuit.admits(now + PAUSE_MIN * 2), 1);
        for _ in 0..4 {
            circuit.enters(now);
            circuit.hears(Heard::Silence, now);
            pauses.push(circuit.open.as_ref().unwrap().until - now);
        }
        assert!(pauses.is_sorted(), "{pauses:?}");
        for _ in 0..100 {
            circuit.enters(now);
            circuit.hears(Heard::Silence, now);
        }
        assert_eq!((circuit.admits(now + LONG / 3), circuit.admits(now + LONG)), (0, 1));
    }
}
