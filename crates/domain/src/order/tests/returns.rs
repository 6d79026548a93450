//! Goods that come back.

use super::*;

fn illegal_return(state: &'static str, allowed: &[&'static str]) -> Error {
    Error::IllegalReturn { state, allowed: allowed.to_vec() }
}

fn with(more: &[Event]) -> Vec<Event> {
    [arrived(), more.to_vec()].concat()
}

fn too_many(text: &str, requested: i64, remaining: i64) -> Error {
    Error::TooManyUnits { sku: sku(text), requested, remaining }
}

#[test]
fn goods_come_back_when_they_were_asked_for_and_allowed() {
    order(arrived())
        .when(request_return(1, &[(1, "A", 2)], day(1)))
        .then([return_requested(1, &[(1, "A", 2)], day(1))])
        .when(request_return(1, &[(1, "A", 2)], day(1)))
        .then_nothing()
        .when(approve(1))
        .then([return_approved(1)])
        .when(approve(1))
        .then_nothing()
        .when(receive(1, &[(1, "A", 1, true), (1, "A", 1, false)]))
        .then([return_received(1, &[(1, "A", 1, true), (1, "A", 1, false)], 200)])
        .when(receive(1, &[(1, "A", 1, true), (1, "A", 1, false)]))
        .then_nothing()
        .then_state(|state| {
            let contents = state.contents().unwrap();
            assert_eq!((state.status(), state.fulfillment_status()), ("delivered", "partially_returned"));
            assert_eq!((contents.lines[0].returned, contents.returned_amount), (2, gbp(200)));
            assert_eq!(contents.goods_return(return_id(1)).unwrap().status(), "received");
        });
}

#[test]
fn each_return_stands_in_its_state() {
    let status = |more: &[Event]| {
        let state = given::<Order>(with(more)).into_state();
        state.contents().unwrap().goods_return(return_id(1)).unwrap().status()
    };
    let requested = || return_requested(1, &[(1, "A", 2)], day(1));
    assert_eq!(status(&[requested()]), "requested");
    assert_eq!(status(&[requested(), return_approved(1)]), "approved");
    assert_eq!(status(&[requested(), return_rejected(1)]), "rejected");
    assert_eq!(status(&[requested(), return_approved(1), return_received(1, &[(1, "A", 2, true)], 200)]), "received");
}

#[test]
fn o1_what_is_received_is_of_the_lines_that_were_asked_for_added_up() {
    let history = || with(&[return_requested(1, &[(1, "A", 2)], day(1)), return_approved(1)]);
    order(history()).when(receive(1, &[(1, "A", 2, true), (1, "A", 1, false)])).then_error(too_many("A", 3, 2));
    order(history()).when(receive(1, &[(2, "B", 1, true)])).then_error(too_many("B", 1, 0));
    order(history()).when(receive(1, &[])).then_error(Error::NoLines);
    let unknown = Error::LineNotFound { line: line_id(9).to_string() };
    order(history()).when(receive(1, &[(9, "Z", 1, true)])).then_error(unknown);
}

#[test]
fn o7_returns_are_accepted_for_30_days_after_delivery() {
    let closed = |requested, remaining| Error::ReturnWindowClosed { sku: sku("A"), requested, remaining };
    let last = day(30);
    order(arrived()).when(request_return(1, &[(1, "A", 1)], last)).then([return_requested(1, &[(1, "A", 1)], last)]);
    let too_late = last + Duration::seconds(1);
    order(arrived()).when(request_return(1, &[(1, "A", 1)], too_late)).then_error(closed(1, 0));
    // What was asked for in time is received whenever it comes.
    let history = with(&[return_requested(1, &[(1, "A", 1)], last), return_approved(1)]);
    order(history).when(receive(1, &[(1, "A", 1, true)])).then([return_received(1, &[(1, "A", 1, true)], 100)]);
}

/// Two units came on the first day, one twenty days later.
#[test]
fn o7_each_parcel_has_its_own_30_days() {
    let late = |delivered_at| Event::ShipmentDelivered(ShipmentDelivered { shipment_id: shipment_id(2), delivered_at });
    let second = [packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600), late(day(20))];
    let history = || processing().into_iter().chain([delivered(1)]).chain(second.clone());
    let wanted = |units| vec![(sku("A"), self::units(units))];
    order(history()).when(request_return(1, &[(1, "A", 3)], day(30))).then([return_requested(
        1,
        &[(1, "A", 3)],
        day(30),
    )]);
    order(history()).when(request_return(1, &[(1, "A", 1)], day(31))).then([return_requested(
        1,
        &[(1, "A", 1)],
        day(31),
    )]);
    let closed = || Error::ReturnWindowClosed { sku: sku("A"), requested: 2, remaining: 1 };
    order(history()).when(request_return(1, &[(1, "A", 2)], day(31))).then_error(closed());
    order(history()).then_state(|state| {
        let find = |units, at| state.contents().unwrap().returnable_lines_of(&wanted(units), at);
        assert_eq!(find(3, day(30)), Ok(some(&[(1, "A", 3)])));
        assert_eq!(find(2, day(31)), Err(closed()));
        assert_eq!(find(4, day(31)), Err(too_many("A", 4, 3)));
        assert_eq!(find(1, day(51)), Err(Error::ReturnWindowClosed { sku: sku("A"), requested: 1, remaining: 0 }));
    });
}

/// Two units came on the first day, one twenty days later: on day 31 one unit is in time, and stays one however it is asked for.
#[test]
fn o7_old_units_do_not_go_back_in_the_name_of_younger_ones() {
    let late = |delivered_at| Event::ShipmentDelivered(ShipmentDelivered { shipment_id: shipment_id(2), delivered_at });
    let second = [packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600), late(day(20))];
    let history = processing().into_iter().chain([delivered(1)]).chain(second).collect::<Vec<_>>();
    let then = |more: &[Event]| [history.clone(), more.to_vec()].concat();
    let asked = return_requested(1, &[(1, "A", 1)], day(31));
    let closed = Error::ReturnWindowClosed { sku: sku("A"), requested: 1, remaining: 0 };
    let back = return_received(1, &[(1, "A", 1, true)], 100);
    for more in [vec![asked.clone()], vec![asked.clone(), return_approved(1), back.clone()]] {
        order(then(&more)).when(request_return(2, &[(1, "A", 1)], day(31))).then_error(closed.clone());
    }
    // What was not allowed leaves the young one to be asked for again.
    order(then(&[asked, return_rejected(1)]))
        .when(request_return(2, &[(1, "A", 1)], day(31)))
        .then([return_requested(2, &[(1, "A", 1)], day(31))]);
    // What went back while the old ones were in time was one of them, and leaves the young one too.
    order(then(&[return_requested(1, &[(1, "A", 1)], day(30)), return_approved(1), back]))
        .when(request_return(2, &[(1, "A", 1)], day(31)))
        .then([return_requested(2, &[(1, "A", 1)], day(31))]);
}

#[test]
fn only_what_has_arrived_comes_back() {
    let ask = || request_return(1, &[(1, "A", 1)], day(1));
    order(pending()).when(ask()).then_error(illegal("pending", OF_PENDING));
    order(ready()).when(ask()).then_error(illegal("confirmed", OF_CONFIRMED));
    order(processing()).when(ask()).then_error(illegal("processing", OF_PROCESSING));
    order(shipped()).when(ask()).then_error(illegal("shipped", OF_SHIPPED));
    order(called_off()).when(ask()).then_error(illegal("cancelled", OF_ENDED));
    order(lost()).when(ask()).then_error(illegal("failed", OF_ENDED));
    order([]).when(ask()).then_error(illegal("absent", &["create"]));
    order(processing().into_iter().chain([delivered(1)])).when(ask()).then([return_requested(
        1,
        &[(1, "A", 1)],
        day(1),
    )]);
    order(processing().into_iter().chain([delivered(1)]))
        .when(request_return(1, &[(2, "B", 1)], day(1)))
        .then_error(too_many("B", 1, 0));
}

#[test]
fn a_return_goes_its_way_and_no_other() {
    let requested = || with(&[return_requested(1, &[(1, "A", 1)], day(1))]);
    let back = [
        return_requested(1, &[(1, "A", 1)], day(1)),
        return_approved(1),
        return_received(1, &[(1, "A", 1, true)], 100),
    ];
    order(requested())
        .when(receive(1, &[(1, "A", 1, true)]))
        .then_error(illegal_return("requested", &["approve", "reject"]));
    order(requested()).when(reject(1)).then([return_rejected(1)]).when(reject(1)).then_nothing();
    order(requested().into_iter().chain([return_approved(1)])).when(reject(1)).then([return_rejected(1)]);
    order(requested().into_iter().chain([return_rejected(1)]))
        .when(approve(1))
        .then_error(illegal_return("rejected", &[]));
    order(with(&back)).when(approve(1)).then_error(illegal_return("received", &[]));
    order(with(&back)).when(reject(1)).then_error(illegal_return("received", &[]));
    order(with(&back)).when(receive(1, &[(1, "A", 1, false)])).then_error(illegal_return("received", &[]));
    for command in [approve(9), reject(9), receive(9, &[(1, "A", 1, true)])] {
        order(requested()).when(command.clone()).then_error(Error::ReturnNotFound { return_id: return_id(9) });
        order([]).when(command).then_error(illegal("absent", &["create"]));
    }
    let approved = illegal_return("approved", &["receive", "reject"]);
    assert_eq!(approved.to_string(), "the return is approved; it would accept receive, reject");
}

#[test]
fn o3_what_comes_back_is_worth_exactly_what_was_owed() {
    let dressed = Create { shipping: gbp(100), tax: gbp(1), discount: gbp(0), ..wanted() };
    let history =
        vec![created_from(dressed), confirmed(), packed(1, ALL, 901), dispatched(1, 901), delivered(1), completed()];
    let ask = |number, lines: &[(u128, &str, i64)]| [return_requested(number, lines, day(1)), return_approved(number)];
    let asked = [ask(1, &[(1, "A", 1)]), ask(2, &[(1, "A", 2), (2, "B", 1)]), ask(3, &[(2, "B", 1)])].concat();
    order([history, asked].concat())
        .when(receive(1, &[(1, "A", 1, true)]))
        .then([return_received(1, &[(1, "A", 1, true)], 113)])
        .when(receive(2, &[(1, "A", 2, true), (2, "B", 1, true)]))
        .then([return_received(2, &[(1, "A", 2, true), (2, "B", 1, true)], 506)])
        .when(receive(3, &[(2, "B", 1, false)]))
        .then([return_received(3, &[(2, "B", 1, false)], 282)])
        .then_state(|state| {
            assert_eq!(state.contents().unwrap().returned_amount, gbp(901));
            assert_eq!(state.fulfillment_status(), "returned");
        });
}

/// Goods without a price have no share of the shipping: what was due comes back with the last of them.
#[test]
fn o3_of_goods_that_are_free_the_last_to_come_back_are_worth_what_was_due() {
    let free = Create { lines: vec![line(1, "A", 3, 0)], shipping: gbp(100), ..wanted() };
    let parcel = [packed(1, &[(1, "A", 3)], 100), dispatched(1, 100), delivered(1), completed()];
    let history = [vec![created_from(free), confirmed()], parcel.to_vec()].concat();
    let ask = |number, units| [return_requested(number, &[(1, "A", units)], day(1)), return_approved(number)];
    order([history.clone(), ask(1, 3).to_vec()].concat())
        .when(receive(1, &[(1, "A", 2, true), (1, "A", 1, false)]))
        .then([return_received(1, &[(1, "A", 2, true), (1, "A", 1, false)], 100)]);
    order([history, ask(1, 1).to_vec(), ask(2, 2).to_vec()].concat())
        .when(receive(1, &[(1, "A", 1, true)]))
        .then([return_received(1, &[(1, "A", 1, true)], 0)])
        .when(receive(2, &[(1, "A", 2, true)]))
        .then([return_received(2, &[(1, "A", 2, true)], 100)]);
}

#[test]
fn an_order_has_at_most_500_returns() {
    let returns = |count| {
        (1..=count).flat_map(|number| [return_requested(number, &[(1, "A", 1)], day(1)), return_rejected(number)])
    };
    order(arrived().into_iter().chain(returns(500)))
        .when(request_return(501, &[(1, "A", 1)], day(1)))
        .then_error(Error::TooManyReturns { max: 500 });
    order(arrived().into_iter().chain(returns(499)))
        .when(request_return(500, &[(1, "A", 1)], day(1)))
        .then([return_requested(500, &[(1, "A", 1)], day(1))]);
}

#[test]
fn what_came_is_named_by_sku_and_falls_on_the_lines_of_its_return() {
    let split = Create { lines: vec![line(1, "A", 3, 100), line(2, "B", 1, 100), line(3, "A", 2, 100)], ..wanted() };
    let all: &[(u128, &str, i64)] = &[(1, "A", 3), (2, "B", 1), (3, "A", 2)];
    let history =
        vec![created_from(split), confirmed(), packed(1, all, 600), dispatched(1, 600), delivered(1), completed()];
    let asked = return_requested(1, &[(1, "A", 2), (3, "A", 2)], day(1));
    let state = given::<Order>([history, vec![asked]].concat()).into_state();
    let known = state.contents().unwrap().goods_return(return_id(1)).unwrap();
    let find = |wanted: &[(&str, i64, bool)]| {
        let wanted: Vec<_> = wanted.iter().map(|(text, count, restock)| (sku(text), units(*count), *restock)).collect();
        known.received_of(&wanted)
    };
    assert_eq!(find(&[("A", 3, true)]), Ok(received(&[(1, "A", 2, true), (3, "A", 1, true)])));
    let both = received(&[(1, "A", 1, false), (1, "A", 1, true), (3, "A", 2, true)]);
    assert_eq!(find(&[("A", 1, false), ("A", 3, true)]), Ok(both));
    assert_eq!(find(&[("A", 3, true), ("A", 2, false)]), Err(too_many("A", 5, 4)));
    assert_eq!(find(&[("B", 1, true)]), Err(Error::LineNotFound { line: "B".into() }));
    assert_eq!(find(&[]), Ok(vec![]));
}

#[test]
fn goods_were_sent_from_one_location_where_every_parcel_with_them_left_it() {
    let from = |parcel, text: &str, location: Option<&str>| {
        let location = location.map(|name| crate::ids::Location::new(name).unwrap());
        let (shipment_id, lines) = (shipment_id(parcel), some(&[(1, text, 1)]));
        Event::ShipmentCreated(ShipmentCreated { shipment_id, lines, amount: gbp(1), location })
    };
    let of_a = |parcels: &[Event]| {
        let state = given::<Order>([ready(), parcels.to_vec()].concat()).into_state();
        state.contents().unwrap().sent_from(&sku("A")).map(|location| location.as_str().to_owned())
    };
    let north = Some("north".to_owned());
    assert_eq!(of_a(&[]), None);
    assert_eq!(of_a(&[from(1, "A", Some("north")), from(2, "B", Some("south")), from(3, "A", Some("north"))]), north);
    assert_eq!(of_a(&[from(1, "A", Some("north")), from(2, "A", Some("south"))]), None);
    assert_eq!(of_a(&[from(1, "A", Some("north")), from(2, "A", None)]), None);
    assert_eq!(of_a(&[from(1, "B", Some("south")), from(2, "A", Some("north"))]), north);
}
