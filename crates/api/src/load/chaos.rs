//! What goes otherwise than it should in a chaotic load: each invoice has its fate, drawn from the seed, the same in every run.
//! How the requests of many clients fall together is not drawn: that differs from run to run, and whatever comes of it must
//! reconcile.

use std::fmt;

/// Of a thousand invoices.
const PER_MILLE: u64 = 1_000;

/// Where the draws begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// What is to happen to one invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub token: &'static str,
    pub then: Then,
    /// The checkout is sent once more under its key.
    pub repeats: bool,
    /// The key of the checkout is used for another request.
    pub reuses_key: bool,
    /// The client hangs up before the checkout is answered, and sends it again.
    pub hangs_up: bool,
    /// Of a thousand pence that were paid, so many are given back after delivery.
    pub refund_per_mille: Option<u64>,
}

/// What the customer does after the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Wait,
    Cancel,
    /// Pay by another method, once the first is declined.
    PayAgain,
}

impl Fate {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        token: "tok_ok",
        then: Then::Wait,
        repeats: false,
        reuses_key: false,
        hangs_up: false,
        refund_per_mille: None,
    };

    pub fn of(seed: Seed, invoice: usize) -> Self {
        let mut draws = Draws(seed.0 ^ (invoice as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let (token, then) = match draws.below(PER_MILLE) {
            0..60 => ("tok_declined", draws.either(Then::PayAgain, Then::Cancel)),
            60..100 => ("tok_insufficient_funds", draws.either(Then::PayAgain, Then::Cancel)),
            100..140 => ("tok_requires_action", Then::Cancel),
            140..170 => ("tok_error_once", Then::Wait),
            170..190 => ("tok_slow", draws.either(Then::Wait, Then::Cancel)),
            190..195 => ("tok_timeout", draws.either(Then::Wait, Then::Cancel)),
            195..215 => ("tok_capture_fails", Then::Wait),
            215..315 => ("tok_ok", Then::Cancel),
            _ => ("tok_ok", Then::Wait),
        };
        Self {
            token,
            then,
            repeats: draws.below(PER_MILLE) < 150,
            reuses_key: draws.below(PER_MILLE) < 100,
            hangs_up: draws.below(PER_MILLE) < 100,
            refund_per_mille: (draws.below(PER_MILLE) < 100).then(|| 1 + draws.below(PER_MILLE)),
        }
    }

    /// Whether what is sent is paid for in the end.
    pub fn is_captured(self) -> bool {
        self.token != "tok_capture_fails"
    }
}

/// SplitMix64: no dependency, and the same numbers in every release.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Near enough to even for so small a bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn either(&mut self, one: Then, other: Then) -> Then {
        if self.next().is_multiple_of(2) { one } else { other }
    }
}

/// What was done otherwise, and what was answered wrongly to it.
#[derive(Debug, Default, Clone)]
pub struct Mishaps {
    pub repeats: u64,
    pub reused_keys: u64,
    pub hang_ups: u64,
    pub paid_again: u64,
    pub cancelled: u64,
    pub cancelled_too_late: u64,
    pub refunds: u64,
    /// The first of each kind, in words.
    pub wrong: Vec<String>,
}

impl Mishaps {
    pub(super) fn merge(&mut self, other: Self) {
        self.repeats += other.repeats;
        self.reused_keys += other.reused_keys;
        self.hang_ups += other.hang_ups;
        self.paid_again += other.paid_again;
        self.cancelled += other.cancelled;
        self.cancelled_too_late += other.cancelled_too_late;
        self.refunds += other.refunds;
        self.wrong.extend(other.wrong);
    }
}

impl fmt::Display for Mishaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repeats, reused_keys, hang_ups, paid_again, cancelled, cancelled_too_late, refunds, .. } = self;
        write!(f, "{repeats} repeated, {reused_keys} keys reused, {hang_ups} hung up on, {paid_again} paid again, ")?;
        write!(f, "{cancelled} cancelled, {cancelled_too_late} too late, {refunds} refunded")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_draws_the_same_fates_and_another_seed_others() {
        let fates = |seed| (0..2_000).map(|invoice| Fate::of(Seed(seed), invoice)).collect::<Vec<_>>();
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
    }

    #[test]
    fn every_kind_of_fate_is_drawn_and_most_are_calm() {
        let fates: Vec<_> = (0..5_000).map(|invoice| Fate::of(Seed(1), invoice)).collect();
        let tokens: BTreeSet<_> = fates.iter().map(|fate| fate.token).collect();
        assert_eq!(tokens.len(), 8, "{tokens:?}");
        let count = |of: fn(&Fate) -> bool| fates.iter().filter(|fate| of(fate)).count();
        assert!((600..900).contains(&count(|fate| fate.repeats)));
        assert!((350..650).contains(&count(|fate| fate.reuses_key)));
        assert!((350..650).contains(&count(|fate| fate.refund_per_mille.is_some())));
        assert!(count(|fate| fate.then == Then::PayAgain) > 150);
        assert!(count(|fate| fate.token == "tok_ok" && fate.then == Then::Wait) > 3_000);
        assert!(fates.iter().all(|fate| fate.refund_per_mille.is_none_or(|part| (1..=1_000).contains(&part))));
    }
}
