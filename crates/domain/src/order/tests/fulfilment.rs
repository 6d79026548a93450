//! Parcels: what may leave, what is due for it, and what arrives.

use super::*;

#[test]
fn o6_only_a_confirmed_order_is_shipped() {
    order(pending()).when(dispatch(1, None)).then_error(illegal("pending", OF_PENDING));
    order(called_off()).when(dispatch(1, None)).then_error(illegal("cancelled", OF_ENDED));
    order(lost()).when(dispatch(1, None)).then_error(illegal("failed", OF_ENDED));
    order([]).when(dispatch(1, None)).then_error(illegal("absent", &["create"]));
    order(shipped()).when(dispatch(2, None)).then_error(illegal("shipped", OF_SHIPPED));
    order(arrived()).when(dispatch(2, None)).then_error(illegal("delivered", OF_DELIVERED));
}

#[test]
fn o6_shipping_needs_the_payment_authorised_or_captured() {
    let unpaid = |command| match command {
        Command::DispatchShipment { shipment_id, lines, carrier, tracking, location, at, .. } => {
            Command::DispatchShipment { shipment_id, lines, carrier, tracking, location, at, payment_covers: false }
        }
        other => other,
    };
    order(ready())
        .when(unpaid(dispatch(1, None)))
        .then_error(Error::PaymentNotAuthorized { allowed: OF_CONFIRMED[1..].to_vec() });
}

#[test]
fn what_is_on_hold_is_not_shipped() {
    let allowed = vec!["cancel", "cancel_lines", "correct_address", "grant_refund", "hold", "release"];
    order(ready().into_iter().chain([held()]))
        .when(dispatch(1, None))
        .then_error(Error::OnHold { reason: because(), allowed });
}

#[test]
fn without_lines_everything_unsent_leaves() {
    order(ready()).when(dispatch(1, None)).then([packed(1, ALL, 800), dispatched(1, 800)]).then_state(|state| {
        let shipment = state.contents().unwrap().shipment(shipment_id(1)).unwrap();
        assert_eq!((shipment.status(), shipment.amount), ("dispatched", gbp(800)));
        assert_eq!(shipment.dispatch.as_ref().unwrap().dispatched_at, hour(2));
        assert!(state.contents().unwrap().demand().is_empty());
    });
    order(processing()).when(dispatch(2, None)).then([packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600)]);
}

#[test]
fn an_order_is_shipped_in_several_parcels() {
    order(ready())
        .when(dispatch(1, Some(&[(1, "A", 2)])))
        .then([packed(1, &[(1, "A", 2)], 200), dispatched(1, 200)])
        .when(dispatch(2, Some(&[(2, "B", 2), (1, "A", 1)])))
        .then([packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600)])
        .then_state(|state| assert_eq!(state.status(), "shipped"));
}

#[test]
fn the_same_parcel_leaves_once() {
    order(processing()).when(dispatch(1, None)).then_nothing();
    order(shipped()).when(dispatch(1, Some(&[(1, "A", 99)]))).then_nothing();
    order(arrived()).when(dispatch(1, None)).then_nothing();
}

#[test]
fn o1_units_of_a_line_that_is_named_twice_are_added_up() {
    let too_many = |requested, remaining| Error::TooManyUnits { sku: sku("A"), requested, remaining };
    order(ready()).when(dispatch(1, Some(&[(1, "A", 2), (1, "A", 2)]))).then_error(too_many(4, 3));
    order(ready()).when(dispatch(1, Some(&[(1, "A", 100_000), (1, "A", 100_000)]))).then_error(too_many(200_000, 3));
}

#[test]
fn a_parcel_names_each_line_once_in_the_orders_order_and_words() {
    order(ready())
        .when(dispatch(1, Some(&[(2, "anything", 1), (1, "A", 1), (2, "B", 1)])))
        .then([packed(1, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(1, 600)]);
}

#[test]
fn a_parcel_has_lines_of_this_order() {
    order(ready()).when(dispatch(1, Some(&[]))).then_error(Error::NoLines);
    let unknown = Error::LineNotFound { line: line_id(9).to_string() };
    order(ready()).when(dispatch(1, Some(&[(9, "A", 1)]))).then_error(unknown);
}

#[test]
fn an_order_has_at_most_500_parcels() {
    let large = || created_from(Create { lines: vec![line(1, "A", 1_000, 1)], ..wanted() });
    let parcels = |count| (1..=count).map(|parcel| packed(parcel, &[(1, "A", 1)], 1));
    order([large(), confirmed()].into_iter().chain(parcels(500)))
        .when(dispatch(501, None))
        .then_error(Error::TooManyShipments { max: 500 });
    order([large(), confirmed()].into_iter().chain(parcels(499)))
        .when(dispatch(500, Some(&[(1, "A", 1)])))
        .then([packed(500, &[(1, "A", 1)], 1), dispatched(500, 1)]);
}

#[test]
fn what_is_due_for_the_parcels_adds_up_to_the_total() {
    let dressed = Create { shipping: gbp(100), tax: gbp(1), discount: gbp(0), ..wanted() };
    let a_at_a_time = Some([(1, "A", 1)]);
    let lines = || a_at_a_time.as_ref().map(<[_; 1]>::as_slice);
    order([created_from(dressed), confirmed()])
        .when(dispatch(1, lines()))
        .then([packed(1, &[(1, "A", 1)], 113), dispatched(1, 113)])
        .when(dispatch(2, lines()))
        .then([packed(2, &[(1, "A", 1)], 112), dispatched(2, 112)])
        .when(dispatch(3, lines()))
        .then([packed(3, &[(1, "A", 1)], 113), dispatched(3, 113)])
        .when(dispatch(4, None))
        .then([packed(4, &[(2, "B", 2)], 563), dispatched(4, 563)]);
    let free = Create { lines: vec![line(1, "A", 2, 0)], shipping: gbp(100), ..wanted() };
    order([created_from(free), confirmed()])
        .when(dispatch(1, lines()))
        .then([packed(1, &[(1, "A", 1)], 100), dispatched(1, 100)])
        .when(dispatch(2, lines()))
        .then([packed(2, &[(1, "A", 1)], 0), dispatched(2, 0)]);
}

#[test]
fn when_everything_is_delivered_the_order_is_completed() {
    order(shipped()).when(deliver(1)).then([delivered(1), completed()]).when(deliver(1)).then_nothing().then_state(
        |state| {
            let contents = state.contents().unwrap();
            assert_eq!(state.status(), "delivered");
            assert_eq!(contents.completed_at, Some(hour(3)));
            assert_eq!(contents.shipments[0].status(), "delivered");
            assert_eq!(contents.lines.iter().map(|line| line.delivered).collect::<Vec<_>>(), [3, 2]);
        },
    );
}

#[test]
fn a_part_that_is_delivered_does_not_complete_the_order() {
    order(processing()).when(deliver(1)).then([delivered(1)]).then_state(|state| {
        assert_eq!((state.status(), state.fulfillment_status()), ("processing", "partially_delivered"));
    });
    let both = processing().into_iter().chain([packed(2, &[(1, "A", 1), (2, "B", 2)], 600), dispatched(2, 600)]);
    order(both).when(deliver(2)).then([delivered(2)]).then_state(|state| {
        assert_eq!((state.status(), state.fulfillment_status()), ("shipped", "partially_delivered"))
    });
}

#[test]
fn only_a_parcel_of_the_order_is_delivered() {
    order(shipped()).when(deliver(9)).then_error(Error::ShipmentNotFound { shipment_id: shipment_id(9) });
    order(pending()).when(deliver(1)).then_error(illegal("pending", OF_PENDING));
    order(called_off()).when(deliver(1)).then_error(illegal("cancelled", OF_ENDED));
    order(arrived()).when(deliver(1)).then_nothing();
}

#[test]
fn a_parcel_that_is_packed_has_not_left() {
    order([created(), confirmed(), packed(1, ALL, 800)]).then_state(|state| {
        assert_eq!(state.contents().unwrap().shipments[0].status(), "created");
    });
}

#[test]
fn returned_units_show_in_the_fulfilment() {
    let returned = |units: &[i64]| {
        let mut contents = given::<Order>(arrived()).into_state().contents().unwrap().clone();
        for (line, units) in contents.lines.iter_mut().zip(units) {
            line.returned = *units;
        }
        contents.fulfillment_status()
    };
    assert_eq!(returned(&[0, 0]), "delivered");
    assert_eq!(returned(&[1, 0]), "partially_returned");
    assert_eq!(returned(&[3, 2]), "returned");
}

#[test]
fn lines_are_found_by_the_skus_that_people_name() {
    let split = Create { lines: vec![line(1, "A", 3, 1), line(2, "B", 1, 1), line(3, "A", 2, 1)], ..wanted() };
    let history = [created_from(split), confirmed(), packed(1, &[(1, "A", 1)], 1)];
    let state = given::<Order>(history).into_state();
    let find = |wanted: &[(&str, i64)]| {
        let wanted: Vec<_> = wanted.iter().map(|(text, quantity)| (sku(text), units(*quantity))).collect();
        state.contents().unwrap().lines_of(&wanted)
    };
    assert_eq!(find(&[("A", 2)]), Ok(some(&[(1, "A", 2)])));
    assert_eq!(find(&[("B", 1), ("A", 3)]), Ok(some(&[(1, "A", 2), (2, "B", 1), (3, "A", 1)])));
    assert_eq!(find(&[("A", 2), ("A", 2)]), Ok(some(&[(1, "A", 2), (3, "A", 2)])));
    assert_eq!(find(&[("A", 5)]), Err(Error::TooManyUnits { sku: sku("A"), requested: 5, remaining: 4 }));
    assert_eq!(find(&[("C", 1)]), Err(Error::LineNotFound { line: "C".into() }));
    assert_eq!(find(&[]), Ok(vec![]));
    assert_eq!(state.contents().unwrap().demand(), [(sku("A"), units(4)), (sku("B"), units(1))].into());
}
