//! Money that a buyer's bank wants back.

use super::*;

pub(super) fn dispute(id: &str, amount: i64, outcome: DisputeOutcome) -> Command {
    let reason = FailureCode::new("fraudulent").unwrap();
    Command::RecordDispute { dispute_id: reference(id), amount: gbp(amount), reason, outcome }
}

pub(super) fn disputed(id: &str, amount: i64) -> Event {
    let (order_id, dispute_id) = (order_id(), reference(id));
    Event::Disputed(Disputed {
        order_id,
        dispute_id,
        amount: gbp(amount),
        reason: FailureCode::new("fraudulent").unwrap(),
    })
}

pub(super) fn charged_back(id: &str, amount: i64) -> Event {
    Event::ChargedBack(ChargedBack { order_id: order_id(), dispute_id: reference(id), amount: gbp(amount) })
}

pub(super) fn dispute_won(id: &str) -> Event {
    Event::DisputeWon(DisputeWon { order_id: order_id(), dispute_id: reference(id) })
}

use DisputeOutcome::{ChargedBack as Lost, Open, Won};

#[test]
fn a_payment_that_was_taken_is_disputed_and_then_charged_back_or_won() {
    payment(paid())
        .when(dispute("dp_1", 400, Open))
        .then([disputed("dp_1", 400)])
        .then_state(|state| assert_eq!((state.status(), state.ledger().unwrap().disputed()), ("disputed", gbp(400))));
    payment(with(paid(), &[disputed("dp_1", 400)]))
        .when(dispute("dp_1", 400, Lost))
        .then([charged_back("dp_1", 400)])
        .then_state(|state| {
            assert_eq!((state.status(), state.ledger().unwrap().charged_back()), ("charged_back", gbp(400)));
        });
    payment(with(paid(), &[disputed("dp_1", 400)]))
        .when(dispute("dp_1", 400, Won))
        .then([dispute_won("dp_1")])
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            assert_eq!(
                (state.status(), ledger.charged_back(), ledger.refundable()),
                ("dispute_won", gbp(0), gbp(1_000))
            );
        });
}

#[test]
fn p4_what_was_told_of_a_dispute_is_recorded_once_and_its_first_end_stands() {
    for outcome in [Open, Lost] {
        payment(with(paid(), &[disputed("dp_1", 400), charged_back("dp_1", 400)]))
            .when(dispute("dp_1", 400, outcome))
            .then([]);
    }
    payment(with(paid(), &[disputed("dp_1", 400), charged_back("dp_1", 400)])).when(dispute("dp_1", 400, Won)).then([]);
    payment(with(paid(), &[disputed("dp_1", 400)])).when(dispute("dp_1", 400, Open)).then([]);
}

/// The first webhook was lost.
#[test]
fn a_dispute_whose_beginning_was_not_heard_of_begins_with_its_end() {
    payment(paid()).when(dispute("dp_1", 400, Lost)).then([disputed("dp_1", 400), charged_back("dp_1", 400)]);
    payment(paid()).when(dispute("dp_1", 400, Won)).then([disputed("dp_1", 400), dispute_won("dp_1")]);
}

/// What both sides have after it.
fn found(refunded: i64, charged_back: i64) -> Event {
    let ours = Figures { held: gbp(0), captured: gbp(1_000), refunded: gbp(refunded), charged_back: gbp(charged_back) };
    let detail = format!("{} refunded and {} charged back, of 10.00 GBP captured", gbp(refunded), gbp(charged_back));
    let (order_id, detail) = (order_id(), Reason::new(&detail).unwrap());
    Event::DiscrepancyFound(DiscrepancyFound { order_id, ours, theirs: Some(ours), detail })
}

#[test]
fn p2_a_bank_that_charges_back_what_was_refunded_takes_the_money_twice_and_that_is_found() {
    let both = with(paid(), &[refund_requested(1, 700), refund_succeeded(1, "rf_1", 700)]);
    payment(both.clone())
        .when(dispute("dp_1", 400, Lost))
        .then([disputed("dp_1", 400), charged_back("dp_1", 400), found(700, 400)])
        .then_state(|state| assert_eq!(state.ledger().unwrap().given_back_twice(), gbp(100)));
    // As much as was taken, and no more.
    payment(both.clone())
        .when(dispute("dp_1", 300, Lost))
        .then([disputed("dp_1", 300), charged_back("dp_1", 300)])
        .then_state(|state| assert_eq!(state.ledger().unwrap().given_back_twice(), gbp(0)));
    // Nothing has moved yet, and nothing will.
    for (outcome, event) in [(Open, None), (Won, Some(dispute_won("dp_1")))] {
        let events = [disputed("dp_1", 1_000)].into_iter().chain(event);
        payment(both.clone()).when(dispute("dp_1", 1_000, outcome)).then(events.collect::<Vec<_>>());
    }
}

#[test]
fn p2_a_refund_that_was_on_its_way_when_the_bank_charged_back_is_found_when_it_arrives() {
    let on_its_way = with(paid(), &[refund_requested(1, 1_000), disputed("dp_1", 1_000), charged_back("dp_1", 1_000)]);
    payment(on_its_way.clone())
        .when(record_refunded(1, "rf_1", 1_000))
        .then([refund_succeeded(1, "rf_1", 1_000), found(1_000, 1_000)]);
    payment(on_its_way).when(fail_refund(1, Some("rf_1"))).then([refund_failed(1, Some("rf_1"))]);
}

#[test]
fn p2_what_went_twice_stays_found_though_both_agree() {
    let twice = with(
        paid(),
        &[
            refund_requested(1, 1_000),
            refund_succeeded(1, "rf_1", 1_000),
            refunded(1_000),
            disputed("dp_1", 1_000),
            charged_back("dp_1", 1_000),
        ],
    );
    let Event::DiscrepancyFound(DiscrepancyFound { ours, .. }) = found(1_000, 1_000) else { panic!("it is one") };
    let reconcile = Command::Reconcile { theirs: Some(ours), difference: None, attest: true };
    payment(twice.clone()).when(reconcile.clone()).then([found(1_000, 1_000)]);
    payment(with(twice, &[found(1_000, 1_000)])).when(reconcile).then([]);
}

#[test]
fn no_more_is_wanted_back_than_was_taken() {
    for (before, left) in [
        (vec![], 1_000),
        (vec![disputed("dp_1", 400)], 600),
        (vec![disputed("dp_1", 400), charged_back("dp_1", 400)], 600),
        (vec![disputed("dp_1", 400), dispute_won("dp_1")], 1_000),
        (vec![disputed("dp_1", 1_000)], 0),
    ] {
        let dispute_of = |amount| payment(with(paid(), &before)).when(dispute("dp_2", amount, Open));
        dispute_of(left + 1).then_error(exceeds(left + 1, left));
        if left > 0 {
            dispute_of(left).then([disputed("dp_2", left)]);
        }
    }
    payment(paid()).when(dispute("dp_1", 0, Open)).then_error(Error::AmountNotPositive { amount: gbp(0) });
    let yen = Money::new(5, "JPY".parse().unwrap());
    let command = Command::RecordDispute {
        dispute_id: reference("dp_1"),
        amount: yen,
        reason: FailureCode::new("fraudulent").unwrap(),
        outcome: Open,
    };
    let error = Error::CurrencyMismatch { expected: gbp(1).currency(), found: yen.currency() };
    payment(paid()).when(command).then_error(error);
}

#[test]
fn what_was_never_taken_is_not_disputed() {
    let state = given::<Payment>([initiated(), requested(), authorized()]).into_state();
    let illegal = state.ledger().unwrap().illegal();
    payment(vec![initiated(), requested(), authorized()]).when(dispute("dp_1", 1, Open)).then_error(illegal);
}

#[test]
fn a_payment_has_so_many_disputes_and_no_more() {
    let of = |number: usize| [disputed(&format!("dp_{number}"), 1), dispute_won(&format!("dp_{number}"))];
    let many: Vec<Event> = (0..DISPUTES_MAX).flat_map(of).collect();
    payment(with(paid(), &many))
        .when(dispute("dp_last", 1, Open))
        .then_error(Error::TooManyDisputes { max: DISPUTES_MAX });
}
