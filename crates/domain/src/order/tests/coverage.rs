//! What an order awaits of the stock that was promised to it: while nothing is shipped, it is called backordered.

use super::*;

fn note(awaited: &[&str]) -> Command {
    Command::NoteCoverage { awaited: awaited.iter().map(|text| sku(text)).collect() }
}

fn changed(awaited: &[&str]) -> Event {
    Event::CoverageChanged(CoverageChanged { awaited: awaited.iter().map(|text| sku(text)).collect() })
}

fn backordered() -> Vec<Event> {
    ready().into_iter().chain([changed(&["B"])]).collect()
}

#[track_caller]
fn shows(events: Vec<Event>, status: &str, fulfillment_status: &str) {
    order(events)
        .then_state(|state| assert_eq!((state.status(), state.fulfillment_status()), (status, fulfillment_status)));
}

#[test]
fn n1_an_order_that_awaits_stock_is_backordered_until_all_of_it_is_there() {
    order(ready()).when(note(&["B", "A"])).then([changed(&["A", "B"])]);
    let told = |rest: &[&[&str]]| ready().into_iter().chain(rest.iter().map(|awaited| changed(awaited))).collect();
    shows(told(&[&["A", "B"]]), "confirmed", "backordered");
    order(told(&[&["A", "B"]])).when(note(&["B"])).then([changed(&["B"])]);
    shows(told(&[&["A", "B"], &["B"]]), "confirmed", "backordered");
    order(told(&[&["B"]])).when(note(&[])).then([changed(&[])]);
    shows(told(&[&["B"], &[]]), "confirmed", "unfulfilled");
}

#[test]
fn n1_what_an_order_awaits_is_told_once() {
    order(ready()).when(note(&[])).then_nothing();
    order(backordered()).when(note(&["B"])).then_nothing();
    order(backordered()).when(note(&["A"])).then([changed(&["A"])]);
}

#[test]
fn n1_a_part_that_is_there_may_be_shipped_and_then_says_more_than_what_is_awaited() {
    order(backordered())
        .when(dispatch(1, Some(&[(1, "A", 3)])))
        .then([packed(1, &[(1, "A", 3)], 300), dispatched(1, 300)])
        .when(note(&[]))
        .then([changed(&[])])
        .then_state(|state| assert_eq!(state.fulfillment_status(), "partially_shipped"));
    let sent = backordered().into_iter().chain([packed(1, &[(1, "A", 3)], 300), dispatched(1, 300)]);
    shows(sent.collect(), "processing", "partially_shipped");
    let sent = backordered().into_iter().chain([packed(1, ALL, 800), dispatched(1, 800)]);
    shows(sent.collect(), "shipped", "shipped");
}

#[test]
fn n1_a_hold_for_another_reason_leaves_a_backordered_order_what_it_is() {
    shows(backordered().into_iter().chain([held()]).collect(), "confirmed", "backordered");
    shows(ready().into_iter().chain([held()]).collect(), "confirmed", "unfulfilled");
    let released = Event::Released(Released {});
    shows(backordered().into_iter().chain([held(), released]).collect(), "confirmed", "backordered");
}

#[test]
fn n1_an_order_that_ended_awaits_nothing() {
    order(backordered()).when(cancel()).then([cancelled()]).then_state(|state| {
        assert_eq!((state.status(), state.fulfillment_status()), ("cancelled", "unfulfilled"));
        assert!(state.contents().unwrap().awaited.is_empty());
    });
}

#[test]
fn n1_only_a_confirmed_order_awaits_stock_and_only_its_own() {
    order(pending()).when(note(&["A"])).then_error(illegal("pending", OF_PENDING));
    order(called_off()).when(note(&[])).then_error(illegal("cancelled", OF_ENDED));
    order(lost()).when(note(&["A"])).then_error(illegal("failed", OF_ENDED));
    order([]).when(note(&[])).then_error(illegal("absent", &["create"]));
    order(ready()).when(note(&["A", "C"])).then_error(Error::LineNotFound { line: "C".into() });
}
