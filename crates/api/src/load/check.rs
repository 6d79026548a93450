//! The line that a check of the reconciliation comes to.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Fail,
    /// This run could not tell, for the reason that the detail gives.
    NotChecked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    /// The numbers, and for a failure what is wrong first.
    pub detail: String,
}

impl Check {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, detail: detail.into() }
    }

    pub(super) fn fail(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, detail: detail.into() }
    }

    pub(super) fn not_checked(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::NotChecked, detail: reason.into() }
    }

    /// A check that could not be made is a failed one: nothing was shown.
    pub(super) fn broken(name: &'static str, error: &dyn std::error::Error) -> Self {
        Self::fail(name, chain(error))
    }
}

/// An error and what caused it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Fail => "FAIL",
            Verdict::NotChecked => "not checked",
        };
        write!(f, "{verdict:<11} {}: {}", self.name, self.detail)
    }
}
