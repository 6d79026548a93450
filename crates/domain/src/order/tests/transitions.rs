//! A refusal names the state of the order, or of its return, and what is allowed in it.

use super::*;
use crate::spec::transitions::{Said, Transitions, Truth, kinds};

kinds!(Command {
    Create = Some("create"),
    Confirm = Some("confirm"),
    DispatchShipment = Some("dispatch_shipment"),
    DeliverShipment = Some("deliver_shipment"),
    Hold = Some("hold"),
    Release = Some("release"),
    Cancel = Some("cancel"),
    CancelLines = Some("cancel_lines"),
    Fail = Some("fail"),
    GrantRefund = Some("grant_refund"),
    RequestReturn = Some("request_return"),
    ApproveReturn = Some("approve"),
    RejectReturn = Some("reject"),
    ReceiveReturn = Some("receive"),
    CorrectAddress = Some("correct_address"),
    RetryPayment = Some("retry_payment"),
    // What an earlier system has done.
    Import = None,
    ImportRefund = None,
    // What stock tells.
    NoteCoverage = None,
});

fn said(error: &Error) -> Option<Said> {
    match error {
        Error::IllegalTransition { state, allowed } | Error::IllegalReturn { state, allowed } => {
            Some((state, allowed.clone()))
        }
        _ => None,
    }
}

/// What is done to a return, the return says.
fn truth(state: &State, command: &Command) -> Truth<Order> {
    let (Command::ApproveReturn { return_id, .. }
    | Command::RejectReturn { return_id, .. }
    | Command::ReceiveReturn { return_id, .. }) = command
    else {
        return (state.status(), state.illegal());
    };
    let known = state.contents().and_then(|order| order.goods_return(*return_id));
    known.map_or_else(|| (state.status(), state.illegal()), |known| (known.status(), known.illegal()))
}

/// Every command, with arguments of which some fit whatever has become of the two lines.
fn commands() -> Vec<Command> {
    let one_of_a: &[(u128, &str, i64)] = &[(1, "A", 1)];
    let one_of_b: &[(u128, &str, i64)] = &[(2, "B", 1)];
    let other = Reason::new("stock is missing").unwrap();
    vec![
        create(wanted()),
        create(Create { cart_id: CartId::from_uuid(id(9)), ..wanted() }),
        confirm(),
        fail(),
        Command::RetryPayment { payment_id: payment_id(9) },
        dispatch(1, None),
        dispatch(9, None),
        dispatch(9, Some(one_of_a)),
        dispatch(9, Some(one_of_b)),
        deliver(1),
        deliver(2),
        deliver(9),
        Command::Hold { reason: because() },
        Command::Hold { reason: other },
        Command::Release,
        cancel(),
        cancel_lines(ALL),
        cancel_lines(one_of_a),
        cancel_lines(one_of_b),
        correct_address(),
        grant(9, &[], &[(1, 1)]),
        request_return(1, one_of_a, day(1)),
        request_return(9, one_of_a, day(1)),
        request_return(9, one_of_b, day(1)),
        request_return(9, one_of_a, day(99)),
        approve(1),
        approve(9),
        reject(1),
        reject(9),
        receive(1, &[(1, "A", 1, true)]),
        receive(1, &[(1, "A", 1, false)]),
        receive(9, &[(1, "A", 1, true)]),
        imported::record(imported::import()),
        imported::refund("C1", &[(1, "A", 1, 100)]),
        Command::NoteCoverage { awaited: [sku("A")].into() },
    ]
}

/// Each history, and the same order on hold.
fn held_or_not(histories: Vec<(&'static str, Vec<Event>)>) -> Vec<(&'static str, Vec<Event>)> {
    let on_hold = |(status, history): &(&'static str, Vec<Event>)| (*status, [history.clone(), vec![held()]].concat());
    let held: Vec<_> = histories.iter().map(on_hold).collect();
    [histories, held].concat()
}

fn then(history: Vec<Event>, more: &[Event]) -> Vec<Event> {
    [history, more.to_vec()].concat()
}

#[test]
fn a_refusal_names_the_state_and_what_it_takes() {
    let rest = || vec![packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600)];
    let rest_cancelled = || lines_cancelled(&[(1, "A", 1), (2, "B", 2)], 600);
    let partly = || then(processing(), &[delivered(1)]);
    let open = vec![
        ("pending", pending()),
        ("pending", vec![created(), retried(2)]),
        ("pending", vec![created(), granted(1, &[], &[(1, 1)])]),
        ("confirmed", ready()),
        ("confirmed", then(ready(), &[lines_cancelled(&[(2, "B", 2)], 500)])),
        ("confirmed", then(ready(), &[Event::CoverageChanged(CoverageChanged { awaited: [sku("A")].into() })])),
        ("processing", then(ready(), &[packed(1, &[(1, "A", 2)], 200)])),
        ("processing", processing()),
        ("processing", partly()),
        ("processing", then(partly(), &[return_requested(1, &[(1, "A", 2)], day(1))])),
        ("shipped", shipped()),
        ("shipped", then(processing(), &[rest_cancelled()])),
        ("shipped", then(processing(), &rest())),
        ("shipped", then(partly(), &rest())),
        ("delivered", arrived()),
        ("delivered", then(partly(), &[rest_cancelled(), completed()])),
    ];
    let ended = vec![
        ("absent", vec![]),
        ("cancelled", vec![created(), cancelled()]),
        ("cancelled", called_off()),
        ("cancelled", vec![created(), confirmed(), held(), cancelled()]),
        ("failed", lost()),
        ("failed", vec![created(), held(), failed()]),
        ("imported", vec![imported::imported()]),
        ("imported", vec![imported::imported(), imported::refunded("C0", &[(2, "B", 1, 1)])]),
    ];
    check(&[held_or_not(open), ended].concat());
}

#[test]
fn a_refusal_names_the_state_of_the_return_and_what_it_takes() {
    let asked = |lines: &[(u128, &str, i64)]| then(arrived(), &[return_requested(1, lines, day(1))]);
    let approved = |lines: &[(u128, &str, i64)]| then(asked(lines), &[return_approved(1)]);
    let everything = &[(1, "A", 3, true), (2, "B", 2, false)];
    let mut histories = Vec::new();
    for lines in [&[(1, "A", 1)], ALL] {
        histories.push(asked(lines));
        histories.push(approved(lines));
        histories.push(then(asked(lines), &[return_rejected(1)]));
        histories.push(then(approved(lines), &[return_rejected(1)]));
        histories.push(then(approved(lines), &[return_received(1, &[(1, "A", 1, true)], 100)]));
    }
    histories.push(then(approved(ALL), &[return_received(1, everything, 800)]));
    check(&histories.into_iter().map(|history| ("delivered", history)).collect::<Vec<_>>());
}

#[track_caller]
fn check(histories: &[(&'static str, Vec<Event>)]) {
    let transitions = Transitions::<Order> { kinds: KINDS, kind, status: State::status, truth, said };
    transitions.check(histories, &commands());
}
