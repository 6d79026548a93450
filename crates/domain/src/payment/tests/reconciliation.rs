//! The ledger against the provider's books.

use super::*;

fn figures(held: i64, captured: i64, refunded: i64) -> Figures {
    Figures { held: gbp(held), captured: gbp(captured), refunded: gbp(refunded), charged_back: gbp(0) }
}

fn reconcile(theirs: Option<Figures>, attest: bool) -> Command {
    Command::Reconcile { theirs, difference: None, attest }
}

fn reconciled(figures: Figures) -> Event {
    Event::Reconciled(Reconciled { order_id: order_id(), figures })
}

fn differs(ours: Figures, theirs: Option<Figures>, detail: &str) -> Event {
    let detail = Reason::new(detail).unwrap();
    Event::DiscrepancyFound(DiscrepancyFound { order_id: order_id(), ours, theirs, detail })
}

#[test]
fn that_both_agree_is_put_on_record_once() {
    let agreed = figures(0, 1_000, 0);
    payment(paid()).when(reconcile(Some(agreed), true)).then([reconciled(agreed)]);
    payment(with(paid(), &[reconciled(agreed)])).when(reconcile(Some(agreed), true)).then([]);
    payment(paid()).when(reconcile(Some(agreed), false)).then([]);
}

#[test]
fn where_money_has_moved_since_it_is_put_on_record_again() {
    let moved =
        with(paid(), &[reconciled(figures(0, 1_000, 0)), refund_requested(1, 300), refund_succeeded(1, "rf", 300)]);
    payment(moved).when(reconcile(Some(figures(0, 1_000, 300)), true)).then([reconciled(figures(0, 1_000, 300))]);
}

#[test]
fn each_difference_is_named_and_found_once() {
    let (ours, theirs) = (figures(0, 1_000, 0), figures(0, 900, 100));
    let found =
        differs(ours, Some(theirs), "captured 10.00 GBP here, 9.00 GBP there; refunded 0.00 GBP here, 1.00 GBP there");
    payment(paid()).when(reconcile(Some(theirs), false)).then([found.clone()]);
    payment(with(paid(), &[found])).when(reconcile(Some(theirs), true)).then([]);
    let unknown = differs(ours, None, "the provider knows no such payment");
    payment(paid()).when(reconcile(None, true)).then([unknown]);
    let difference = Some(because());
    payment(paid()).when(Command::Reconcile { theirs: Some(ours), difference, attest: true }).then([differs(
        ours,
        Some(ours),
        because().as_str(),
    )]);
}

#[test]
fn that_both_agree_again_is_put_on_record_whoever_asks() {
    let (ours, theirs) = (figures(0, 1_000, 0), figures(0, 900, 0));
    let found = differs(ours, Some(theirs), "captured 10.00 GBP here, 9.00 GBP there");
    payment(with(paid(), &[found])).when(reconcile(Some(ours), false)).then([reconciled(ours)]);
}

#[test]
fn while_a_result_is_still_to_come_nothing_is_said() {
    for open in [
        vec![initiated(), requested()],
        with(paid(), &[refund_requested(1, 300)]),
        vec![initiated(), requested(), authorized(), capture_requested(1, 1_000)],
        vec![initiated(), requested(), authorized(), void_requested(1_000)],
    ] {
        payment(open).when(reconcile(Some(figures(7, 7, 7)), true)).then([]);
    }
}

#[test]
fn what_is_held_counts_until_it_is_taken_given_back_or_lapsed() {
    let held = vec![initiated(), requested(), authorized()];
    payment(held.clone()).when(reconcile(Some(figures(1_000, 0, 0)), true)).then([reconciled(figures(1_000, 0, 0))]);
    let voided = with(held.clone(), &[void_requested(1_000), voided(1_000, None)]);
    payment(voided).when(reconcile(Some(figures(0, 0, 0)), true)).then([reconciled(figures(0, 0, 0))]);
    payment(with(held, &[expired()]))
        .when(reconcile(Some(figures(0, 0, 0)), true))
        .then([reconciled(figures(0, 0, 0))]);
}
