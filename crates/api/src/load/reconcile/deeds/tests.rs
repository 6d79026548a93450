//! A book as it must be, and with one event too many, too few or of another amount.

use super::*;
use crate::load::account::{Refund, Returned};
use crate::load::baskets::tests::excerpt;
use crate::load::chaos::ReturnEnds;
use crate::load::chaos::draws::Units;
use crate::load::check::Verdict;
use crate::load::plan::StockFactor;

const ORDER: Uuid = Uuid::from_u128(1);
const PAYMENT: Uuid = Uuid::from_u128(2);

type Told = Vec<(&'static str, Uuid, i64)>;

/// Of 9 lanterns at 2.55, 4 at 3.39 and 2 tin boxes at 1.20 one lantern was cancelled; the rest left in two parcels. Two tin
/// boxes came back, were paid for, and a penny was given back besides.
fn otherwise() -> (Accepted, Told) {
    let mut accepted = Accepted::delivered(0, Uuid::nil(), ORDER);
    accepted.is_moved = true;
    accepted.cancelled = Units::from([(0, 1)]);
    accepted.parcels = vec![Units::from([(0, 3)]), Units::from([(0, 5), (1, 4), (2, 2)])];
    let two = Units::from([(2, 2)]);
    let ends = ReturnEnds::Received { short: false };
    accepted.returned = Some(Returned { ends, asked: two.clone(), received: two, restocked: Units::new() });
    accepted.refunds = vec![Refund { amount: 240, of_order: true }, Refund { amount: 1, of_order: false }];
    let events = vec![
        ("order.address_corrected", ORDER, 0),
        ("payment.authorized", PAYMENT, 3_891),
        ("order.confirmed", ORDER, 0),
        ("order.shipment_dispatched", ORDER, 0),
        ("payment.captured", PAYMENT, 765),
        ("order.shipment_dispatched", ORDER, 0),
        ("payment.captured", PAYMENT, 2_871),
        ("payment.voided", PAYMENT, 255),
        ("order.completed", ORDER, 0),
        ("order.return_requested", ORDER, 0),
        ("order.return_approved", ORDER, 0),
        ("order.return_received", ORDER, 0),
        ("order.refund_granted", ORDER, 0),
        ("payment.refund_succeeded", PAYMENT, 240),
        ("payment.refund_succeeded", PAYMENT, 1),
    ];
    (accepted, events)
}

#[track_caller]
fn check(change: impl FnOnce(&mut Accepted, &mut Told), verdict: Verdict, detail: &str) {
    let plan = Plan::new(excerpt(), None, StockFactor::ONE);
    let (mut accepted, mut told) = otherwise();
    change(&mut accepted, &mut told);
    let accepted = [accepted];
    let mut done = DeedsDone::new(&plan, &accepted);
    for (event_type, id, amount) in told {
        let payload = format!(r#"{{"order_id":"{ORDER}","amount":{{"amount":{amount},"currency":"GBP"}}}}"#);
        done.see_event(event_type, id, &payload);
    }
    let check = done.check();
    assert_eq!(check.verdict, verdict, "{check}");
    assert!(check.detail.contains(detail), "{check}");
}

/// The first event of this type goes.
fn without(name: &'static str) -> impl FnOnce(&mut Accepted, &mut Told) {
    move |_, told| {
        let place = told.iter().position(|(event_type, ..)| *event_type == name).unwrap();
        told.remove(place);
    }
}

/// The first event of this type is there twice.
fn twice(name: &'static str) -> impl FnOnce(&mut Accepted, &mut Told) {
    move |_, told| {
        let event = *told.iter().find(|(event_type, ..)| *event_type == name).unwrap();
        told.push(event);
    }
}

#[test]
fn what_happened_once_passes() {
    check(|_, _| {}, Verdict::Ok, "1 orders came to their end once, with 2 captures and 2 refunds");
}

#[test]
fn a_deed_that_is_missing_or_done_twice_fails() {
    for name in COUNTED.iter().filter(|name| !["order.cancelled", "order.return_rejected"].contains(name)) {
        check(without(name), Verdict::Fail, name);
        check(twice(name), Verdict::Fail, name);
    }
    check(without("order.address_corrected"), Verdict::Fail, "lacks the corrected address");
    check(|accepted, _| accepted.is_moved = false, Verdict::Fail, "had its address corrected");
    check(|_, told| told.push(("order.cancelled", ORDER, 0)), Verdict::Fail, "1 order.cancelled, expected 0");
    check(|_, told| told.push(("order.confirmed", Uuid::max(), 0)), Verdict::Fail, "1 more orders have events");
}

#[test]
fn p1_each_parcel_is_captured_once_and_for_what_is_in_it() {
    check(twice("payment.captured"), Verdict::Fail, "captures £7.65 and £7.65 and £28.71, expected £7.65 and £28.71");
    check(without("payment.captured"), Verdict::Fail, "has the captures £28.71, expected £7.65 and £28.71");
    // The same sum in other parts.
    let shifted = |_: &mut Accepted, told: &mut Told| (told[4].2, told[6].2) = (766, 2_870);
    check(shifted, Verdict::Fail, "has the captures £7.66 and £28.70");
}

#[test]
fn p2_each_refund_is_given_once_and_none_that_nobody_granted() {
    check(twice("payment.refund_succeeded"), Verdict::Fail, "has the refunds £0.01 and £2.40 and £2.40, expected");
    check(without("payment.refund_succeeded"), Verdict::Fail, "has the refunds £0.01, expected £0.01 and £2.40");
    check(|accepted, _| accepted.refunds.truncate(1), Verdict::Fail, "expected £2.40");
}

#[test]
fn p6_what_is_held_is_taken_or_let_go_to_the_penny() {
    check(without("payment.voided"), Verdict::Fail, "£38.91 is held, £36.36 taken, £0.00 let go");
    check(|_, told| told[7].2 = 254, Verdict::Fail, "£2.54 let go");
    check(|accepted, _| accepted.is_captured = false, Verdict::Fail, "expected none");
}

#[test]
fn a_return_that_never_came_was_approved_and_then_rejected() {
    let never_came = |accepted: &mut Accepted, told: &mut Told| {
        let asked = Units::from([(2, 2)]);
        let (received, restocked) = (Units::new(), Units::new());
        accepted.returned = Some(Returned { ends: ReturnEnds::NeverCame, asked, received, restocked });
        told[11].0 = "order.return_rejected";
    };
    check(never_came, Verdict::Ok, "1 orders");
    let at_once = |accepted: &mut Accepted, told: &mut Told| {
        never_came(accepted, told);
        accepted.returned.as_mut().unwrap().ends = ReturnEnds::Rejected;
    };
    check(at_once, Verdict::Fail, "1 order.return_approved, expected 0");
}

#[test]
fn of_a_cancelled_order_nothing_is_sent_or_taken() {
    let cancelled = |accepted: &mut Accepted, told: &mut Told| {
        *accepted = Accepted { ended: Ended::Cancelled, ..Accepted::delivered(0, Uuid::nil(), ORDER) };
        *told = vec![
            ("payment.authorized", PAYMENT, 3_891),
            ("order.confirmed", ORDER, 0),
            ("order.cancelled", ORDER, 0),
            ("payment.voided", PAYMENT, 3_891),
        ];
    };
    check(cancelled, Verdict::Ok, "with 0 captures and 0 refunds");
    let still_held = |accepted: &mut Accepted, told: &mut Told| {
        cancelled(accepted, told);
        told.pop();
    };
    check(still_held, Verdict::Fail, "£38.91 is held, £0.00 taken, £0.00 let go");
}
