//! What shoppers and staff share while they work: the next invoice, how far they are, and the bar that shows it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(super) struct Board {
    invoices: usize,
    next: AtomicUsize,
    shopping_over: AtomicBool,
    accepted: AtomicU64,
    delivered: AtomicU64,
    cancelled: AtomicU64,
    bar: ProgressBar,
}

/// Drawn on standard error, and only on a terminal.
pub(super) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix:>9} {wide_bar} {pos}/{len} {msg} {per_sec} eta {eta}");
    bar.set_style(style.expect("the template is a constant"));
    bar.set_prefix(what);
    bar
}

impl Board {
    pub(super) fn new(invoices: usize) -> Self {
        Self {
            invoices,
            next: AtomicUsize::new(0),
            shopping_over: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            bar: bar(invoices as u64, "invoices"),
        }
    }

    /// The next invoice that nobody has taken.
    pub(super) fn take(&self) -> Option<usize> {
        Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < self.invoices)
    }

    pub(super) fn checked_out(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.bar.inc(1);
    }

    pub(super) fn turned_away(&self) {
        self.bar.inc(1);
    }

    pub(super) fn deliver(&self) {
        let delivered = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
        self.bar.set_message(format!("{delivered} delivered"));
    }

    pub(super) fn cancel(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end_shopping(&self) {
        // Release: whoever sees the end sees every order that was accepted before it.
        self.shopping_over.store(true, Ordering::Release);
    }

    pub(super) fn shopping_is_over(&self) -> bool {
        self.shopping_over.load(Ordering::Acquire)
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Nobody shops any more, and every accepted order is delivered, or cancelled.
    pub(super) fn all_delivered(&self) -> bool {
        let ended = self.delivered() + self.cancelled.load(Ordering::Relaxed);
        self.shopping_is_over() && ended >= self.accepted.load(Ordering::Relaxed)
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
