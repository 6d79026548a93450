//! What a seed draws.

use std::collections::BTreeSet;

use super::draws::{Units, total};
use super::*;

fn fates(seed: u64, count: usize) -> Vec<Fate> {
    (0..count).map(|invoice| Fate::of(Seed(seed), invoice)).collect()
}

#[test]
fn a_seed_draws_the_same_fates_and_another_seed_others() {
    assert_eq!(fates(7, 2_000), fates(7, 2_000));
    assert!(fates(7, 2_000).iter().zip(fates(8, 2_000)).any(|(one, other)| one.token != other.token));
}

#[test]
fn a_seed_draws_the_same_parts_of_a_basket() {
    let basket = Units::from([(1, 12), (2, 1), (3, 6)]);
    for (one, two) in fates(7, 500).into_iter().zip(fates(7, 500)) {
        assert_eq!(one.parcel(1, &basket), two.parcel(1, &basket));
        assert_eq!(one.cancelled_by_customer(&basket), two.cancelled_by_customer(&basket));
        assert_eq!(one.restocked(&basket), two.restocked(&basket));
        assert_eq!(one.lines_before_login(28), two.lines_before_login(28));
    }
    let parcels: BTreeSet<_> = fates(7, 500).into_iter().map(|fate| fate.parcel(1, &basket)).collect();
    assert!(parcels.len() > 50, "{parcels:?}");
}

#[test]
fn every_kind_of_fate_is_drawn_and_many_are_calm() {
    let fates = fates(1, 5_000);
    let tokens: BTreeSet<_> = fates.iter().map(|fate| fate.token).collect();
    assert_eq!(tokens.len(), 8, "{tokens:?}");
    let count = |of: fn(&Fate) -> bool| fates.iter().filter(|fate| of(fate)).count();
    assert!((600..900).contains(&count(|fate| fate.repeats)));
    assert!((350..650).contains(&count(|fate| fate.reuses_key)));
    assert!((350..650).contains(&count(|fate| fate.refund_per_mille.is_some())));
    assert!((850..1_150).contains(&count(|fate| fate.returns.is_some())));
    assert!(count(|fate| fate.then == Then::PayAgain) > 250);
    assert!((1_300..1_700).contains(&count(|fate| fate.hesitates > Duration::ZERO)));
    assert!(count(|fate| fate.then == Then::CancelLines) > 300);
    assert!(count(|fate| fate.parcels == 2) > 300 && count(|fate| fate.parcels == 3) > 300);
    assert!(count(|fate| fate.token == "tok_ok" && fate.then == Then::Wait) > 2_700);
    assert!(fates.iter().all(|fate| fate.refund_per_mille.is_none_or(|part| (1..=1_000).contains(&part))));
    for ends in [
        ReturnEnds::Rejected,
        ReturnEnds::NeverCame,
        ReturnEnds::Received { short: true },
        ReturnEnds::Received { short: false },
    ] {
        for is_whole in [true, false] {
            let back = Some(GoodsBack { is_whole, ends });
            assert!(fates.iter().filter(|fate| fate.returns == back).count() > 20, "{back:?}");
        }
    }
}

#[test]
fn no_more_is_sent_of_an_order_whose_capture_fails() {
    let failing: Vec<_> = fates(1, 5_000).into_iter().filter(|fate| !fate.is_captured()).collect();
    assert!(failing.len() > 50);
    assert!(failing.iter().all(|fate| fate.parcels == 1 && !fate.staff_cancels && fate.then == Then::Wait));
}

#[test]
fn nobody_cancels_lines_until_nothing_is_left_of_an_unsent_order() {
    let basket = Units::from([(1, 2), (2, 1)]);
    for fate in fates(9, 1_000) {
        assert!((1..3).contains(&total(&fate.cancelled_by_customer(&basket))));
        assert!((1..3).contains(&total(&fate.cancelled_by_staff(&basket, 0))));
        assert!((1..=3).contains(&total(&fate.cancelled_by_staff(&basket, 1))));
        assert!((1..3).contains(&total(&fate.received(true, &basket))));
        assert!((1..=28).contains(&fate.lines_before_login(28)));
        assert_eq!(fate.lines_before_login(1), 1);
    }
}

#[test]
fn a_basket_of_one_unit_is_sent_at_once_and_comes_back_whole() {
    let one = Units::from([(5, 1)]);
    for fate in fates(9, 100) {
        assert_eq!(fate.parcel(1, &one), Units::new());
        assert_eq!(fate.cancelled_by_customer(&one), Units::new());
        assert_eq!(fate.received(true, &one), one);
    }
}
