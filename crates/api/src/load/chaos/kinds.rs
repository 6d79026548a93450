//! The kinds of things that go otherwise than they should, counted, so that a run that lacks one of them cannot pass for a whole one.

use super::super::check::Check;
use super::super::numbers::grouped;

/// A load of which this many invoices became orders has every kind some ten times, whatever the seed: one that never happened has
/// been lost.
pub const SURE_FROM: usize = 1_000;
/// Of the answers that were wrong, as many are shown.
const SHOWN_MAX: usize = 3;

macro_rules! kinds {
    ($($kind:ident $words:literal)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($kind),+ }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// As the report names it.
            pub fn words(self) -> &'static str {
                match self { $(Self::$kind => $words),+ }
            }
        }
    };
}

kinds! {
    Declined "payments declined"
    ActionRequired "payments that wait for the payer"
    ProviderErred "payments that the provider erred at first"
    ProviderSlow "payments answered after three seconds"
    ProviderSilent "payments never answered, and asked about"
    CaptureFailed "payments of which nothing could be taken"
    DeclinedTwice "second tries declined too"
    PaidAgain "orders paid by another try"
    CheckoutRepeated "checkouts sent twice"
    KeyReused "keys used for another checkout"
    HungUp "checkouts hung up on"
    CartMerged "guests' carts merged at login"
    WebhookForged "webhooks forged"
    AddressCorrected "addresses corrected"
    AddressTooLate "addresses corrected too late"
    Cancelled "orders cancelled"
    CancelledTooLate "orders cancelled too late"
    LinesCancelledByCustomer "lines cancelled by the customer"
    LinesCancelledTooLate "lines cancelled too late"
    LinesCancelledByStaff "lines cancelled by staff"
    SentInParcels "orders sent in several parcels"
    ParcelRepeated "parcels and deliveries reported twice"
    ReturnedInPart "returns of a part"
    ReturnedWhole "returns of everything"
    ReturnRejected "returns rejected"
    ReturnNeverCame "returns approved that never came"
    ReceivedShort "returns of which less came"
    ReturnRepeated "returns reported twice"
    Restocked "returns put back into stock"
    WrittenOff "returns not fit for stock"
    ReturnRefunded "refunds for returned goods"
    RefundedByOrder "refunds by amount, of an order"
    RefundedByPayment "refunds by amount, of a payment"
    AskedTooMuch "more asked for than there was, and refused"
}

impl Kind {
    /// Only a race decides whether somebody is too late.
    pub fn is_sure(self) -> bool {
        !matches!(self, Self::AddressTooLate | Self::CancelledTooLate | Self::LinesCancelledTooLate)
    }
}

/// How often each kind happened, and what was answered wrongly to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    counts: [u64; Kind::ALL.len()],
    /// In words.
    pub wrong: Vec<String>,
}

impl Default for Happened {
    fn default() -> Self {
        Self { counts: [0; Kind::ALL.len()], wrong: Vec::new() }
    }
}

impl Happened {
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts[kind as usize]
    }

    /// The kinds that never happened, and have to in a run that is large enough.
    pub fn missing(&self) -> Vec<Kind> {
        Kind::ALL.iter().copied().filter(|&kind| kind.is_sure() && self.count(kind) == 0).collect()
    }

    pub(in crate::load) fn note(&mut self, kind: Kind) {
        self.counts[kind as usize] += 1;
    }

    pub(in crate::load) fn note_if(&mut self, is_so: bool, kind: Kind) {
        self.counts[kind as usize] += u64::from(is_so);
    }

    pub(in crate::load) fn require(&mut self, is_so: bool, words: impl FnOnce() -> String) {
        if !is_so {
            self.wrong.push(words());
        }
    }

    pub(in crate::load) fn merge(&mut self, other: Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        self.wrong.extend(other.wrong);
    }

    /// Whether everything that went otherwise was answered as it has to be, and every kind of it was there.
    pub(in crate::load) fn checks(&self, orders: usize) -> [Check; 2] {
        [self.answers(), self.kinds(orders)]
    }

    fn answers(&self) -> Check {
        let numbers = format!("{} times it went otherwise", grouped(self.counts.iter().sum::<u64>()));
        match self.wrong.len() {
            0 => Check::ok("chaos", format!("{numbers}, and each was answered as it has to be")),
            count => {
                let first = self.wrong.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
                Check::fail("chaos", format!("{numbers}; {count} answered wrongly: {first}"))
            }
        }
    }

    fn kinds(&self, orders: usize) -> Check {
        let missing = self.missing();
        let sure = Kind::ALL.iter().filter(|kind| kind.is_sure()).count();
        if missing.is_empty() {
            return Check::ok("kinds", format!("all {sure} kinds happened"));
        }
        let names = missing.iter().map(|kind| kind.words()).collect::<Vec<_>>().join(", ");
        let numbers = format!("{} of {sure} kinds never happened in {} orders", missing.len(), grouped(orders));
        if orders < SURE_FROM {
            let from = grouped(SURE_FROM);
            return Check::not_checked("kinds", format!("{numbers}, and {from} are needed to be sure: {names}"));
        }
        Check::fail("kinds", format!("{numbers}: {names}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::check::Verdict;
    use super::*;

    fn of(kinds: impl Iterator<Item = Kind>) -> Happened {
        let mut happened = Happened::default();
        kinds.for_each(|kind| happened.note(kind));
        happened
    }

    #[test]
    fn a_kind_that_never_happened_fails_a_large_run_and_is_named_in_a_small_one() {
        let lacking = of(Kind::ALL.iter().copied().filter(|kind| *kind != Kind::ReturnedWhole));
        let [_, small] = lacking.checks(SURE_FROM - 1);
        let [_, large] = lacking.checks(SURE_FROM);
        assert_eq!((small.verdict, large.verdict), (Verdict::NotChecked, Verdict::Fail));
        for check in [small, large] {
            assert!(check.detail.ends_with(": returns of everything"), "{check}");
        }
    }

    #[test]
    fn what_only_a_race_decides_may_be_missing() {
        let [answers, kinds] = of(Kind::ALL.iter().copied().filter(|kind| kind.is_sure())).checks(SURE_FROM);
        assert_eq!((answers.verdict, kinds.verdict), (Verdict::Ok, Verdict::Ok));
        assert_eq!(kinds.detail, "all 31 kinds happened");
    }

    #[test]
    fn one_wrong_answer_fails() {
        let mut happened = of(Kind::ALL.iter().copied());
        happened.require(true, || unreachable!());
        happened.require(false, || "a refund was granted twice".to_owned());
        let [answers, _] = happened.checks(1);
        assert_eq!(answers.verdict, Verdict::Fail);
        assert!(answers.detail.ends_with("1 answered wrongly: a refund was granted twice"), "{answers}");
    }
}
