//! Chance that is the same in every run: numbers drawn from a seed, and parts of a basket drawn with them.

use std::collections::BTreeMap;

/// The golden ratio in 64 bits: what SplitMix64 adds, and what keeps the draws of neighbouring invoices apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Units by product, as [`Plan::units_of`](crate::load::plan::Plan::units_of) has them.
pub type Units = BTreeMap<u32, u64>;

/// SplitMix64: no dependency, and the same numbers in every release.
pub(super) struct Draws(u64);

impl Draws {
    /// What is drawn for one invoice to one end. Another end draws other numbers, so that drawing more for the one leaves the
    /// other as it is.
    pub(super) fn new(seed: u64, invoice: usize, end: u64) -> Self {
        let mut mixed = Self(end);
        Self(seed ^ (invoice as u64).wrapping_mul(GOLDEN) ^ mixed.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Near enough to even for so small a bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether it happens, so often of a thousand times.
    pub(super) fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    pub(super) fn either<T>(&mut self, one: T, other: T) -> T {
        if self.next().is_multiple_of(2) { one } else { other }
    }

    /// Some of these units: at least one, if there is any, and maybe all.
    pub(super) fn some_of(&mut self, whole: &Units) -> Units {
        let mut part = Units::new();
        for (&product, &units) in whole.iter().filter(|(_, units)| **units > 0) {
            if self.happens(500) {
                part.insert(product, 1 + self.below(units));
            }
        }
        if part.is_empty() {
            part.extend(whole.iter().find(|(_, units)| **units > 0).map(|(&product, _)| (product, 1)));
        }
        part
    }

    /// At least one unit and not all of them; none, where that cannot be.
    pub(super) fn a_part_of(&mut self, whole: &Units) -> Units {
        if total(whole) < 2 {
            return Units::new();
        }
        let mut part = self.some_of(whole);
        if total(&part) == total(whole) {
            less(&mut part, whole.iter().find(|(_, units)| **units > 0).map(|(&product, _)| (product, 1)));
        }
        part
    }
}

pub fn total(units: &Units) -> u64 {
    units.values().sum()
}

/// Adds these units.
pub fn more(units: &mut Units, by: impl IntoIterator<Item = (u32, u64)>) {
    for (product, count) in by {
        *units.entry(product).or_default() += count;
    }
}

/// Takes these units away; a product of which nothing is left goes.
pub fn less(units: &mut Units, by: impl IntoIterator<Item = (u32, u64)>) {
    for (product, count) in by {
        let left = units.get(&product).copied().unwrap_or_default().saturating_sub(count);
        if left == 0 {
            units.remove(&product);
        } else {
            units.insert(product, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_empty_and_never_more_than_the_whole() {
        let whole = Units::from([(1, 3), (2, 1), (7, 40)]);
        for invoice in 0..2_000 {
            let mut draws = Draws::new(3, invoice, 1);
            let (some, part) = (draws.some_of(&whole), draws.a_part_of(&whole));
            for drawn in [&some, &part] {
                assert!(drawn.iter().all(|(product, units)| (1..=whole[product]).contains(units)), "{drawn:?}");
            }
            assert!((1..=44).contains(&total(&some)) && (1..44).contains(&total(&part)), "{some:?} {part:?}");
        }
        assert_eq!(Draws::new(1, 1, 1).a_part_of(&Units::from([(1, 1)])), Units::new());
        assert_eq!(Draws::new(1, 1, 1).some_of(&Units::from([(4, 1)])), Units::from([(4, 1)]));
        assert_eq!(Draws::new(1, 1, 1).some_of(&Units::new()), Units::new());
    }

    #[test]
    fn units_are_added_and_taken_away() {
        let mut units = Units::from([(1, 3)]);
        more(&mut units, [(1, 1), (2, 5)]);
        less(&mut units, [(1, 4), (2, 1)]);
        assert_eq!(units, Units::from([(2, 4)]));
    }
}
