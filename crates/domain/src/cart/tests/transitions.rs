//! A refusal names the state and what is allowed in it.

use super::*;
use crate::spec::transitions::{Said, Transitions, kinds};

kinds!(Command {
    Open = Some("open"),
    AddItem = Some("add_item"),
    ChangeQuantity = Some("change_quantity"),
    RemoveItem = Some("remove_item"),
    Reprice = Some("reprice"),
    AssignCustomer = Some("assign_customer"),
    // The two sides of a merge, which is asked for once and needs both carts open.
    TakeIn = Some("merge"),
    Merge = Some("merge"),
    CheckOut = Some("check_out"),
    Discard = Some("discard"),
    // By a deadline.
    Expire = None,
});

fn said(error: &Error) -> Option<Said> {
    match error {
        Error::IllegalTransition { state, allowed } => Some((state, allowed.clone())),
        _ => None,
    }
}

#[test]
fn a_refusal_names_the_state_and_what_it_takes() {
    let Event::ItemAdded(item) = added("B", 1, 50) else { panic!("it is one") };
    let commands = [
        item_commands(),
        vec![open_as(customer(1)), open_as(customer(2))],
        vec![Command::TakeIn { items: vec![] }, Command::TakeIn { items: vec![item] }],
        vec![change("A", 2, gbp(100)), change("A", 3, gbp(100)), check_out_at(&[("A", gbp(100))])],
        vec![Command::Merge { into: other_cart(2), dropped: vec![] }],
        vec![Command::Merge { into: other_cart(3), dropped: vec![] }],
        vec![Command::Discard, Command::Expire],
    ];
    let assigned = CustomerAssigned { customer_id: customer(2), previous_customer_id: customer(1) };
    let filled = |more: &[Event]| [vec![opened(), added("A", 2, 100)], more.to_vec()].concat();
    let removed = Event::ItemRemoved(ItemRemoved { sku: sku("A"), quantity: quantity(2) });
    let full = std::iter::once(opened()).chain((0..LINES_MAX).map(|line| added(&format!("S{line}"), 1, 1)));
    let histories = [
        ("absent", vec![]),
        ("open", vec![opened()]),
        ("open", vec![opened(), Event::CustomerAssigned(assigned.clone())]),
        ("open", filled(&[])),
        ("open", filled(&[removed])),
        ("open", filled(&[Event::CustomerAssigned(assigned)])),
        ("checked_out", filled(&[checked_out(200)])),
        ("discarded", filled(&[Event::Discarded(Discarded {})])),
        ("merged", filled(&[merged()])),
        ("expired", filled(&[Event::Expired(Expired {})])),
    ];
    let transitions = Transitions::<Cart> {
        kinds: KINDS,
        kind,
        status: State::status,
        truth: |state, _| (state.status(), state.illegal()),
        said,
    };
    transitions.check(&histories, &commands.concat());
    // What a full cart takes is for a line that it has.
    let of_a_line = [add("S7", 1, gbp(1)), change("S7", 2, gbp(1)), remove("S7")];
    let of_all = (0..LINES_MAX).map(|line| (sku(&format!("S{line}")), gbp(1))).collect();
    let check_out = Command::CheckOut { order_id: order(1), prices: of_all, expected_total: None, at: at() };
    let reprice = Command::Reprice { prices: prices(&[("S7", gbp(2))]) };
    let full_commands = [commands.concat(), of_a_line.to_vec(), vec![check_out, reprice]].concat();
    transitions.check(&[("open", full.collect())], &full_commands);
}
