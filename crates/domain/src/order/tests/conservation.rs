//! Whatever is done to an order, in whatever order: its lines keep their bounds, and its parcels their sum.

use proptest::prelude::*;

use super::*;

const LINES: u128 = 3;

fn any_lines() -> impl Strategy<Value = Vec<LineUnits>> {
    let units = (1..=LINES, 1..5_i64).prop_map(|(number, quantity)| some(&[(number, "A", quantity)]).remove(0));
    proptest::collection::vec(units, 1..3)
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => Just(confirm()),
        1 => Just(fail()),
        1 => Just(cancel()),
        1 => Just(Command::Hold { reason: because() }),
        2 => Just(Command::Release),
        5 => (1..8_u128, proptest::option::of(any_lines())).prop_map(|(parcel, lines)| match dispatch(parcel, None) {
            Command::DispatchShipment { shipment_id, carrier, tracking, location, payment_covers, at, .. } => {
                Command::DispatchShipment { shipment_id, lines, carrier, tracking, location, payment_covers, at }
            }
            other => other,
        }),
        5 => (1..8_u128).prop_map(deliver),
        3 => any_lines().prop_map(|lines| Command::CancelLines { lines, reason: because() }),
        3 => (1..6_u128, any_lines(), 0..40_i64).prop_map(|(number, lines, days)| Command::RequestReturn {
            return_id: return_id(number),
            lines,
            reason: because(),
            at: day(days),
        }),
        3 => (1..6_u128).prop_map(approve),
        1 => (1..6_u128).prop_map(reject),
        4 => (1..6_u128, any_lines(), any::<bool>()).prop_map(|(number, lines, restock)| Command::ReceiveReturn {
            return_id: return_id(number),
            lines: lines
                .into_iter()
                .map(|LineUnits { line_id, sku, quantity }| ReceivedUnits { line_id, sku, quantity, restock })
                .collect(),
            at: day(3),
        }),
        1 => Just(correct_address()),
    ]
}

fn any_order() -> impl Strategy<Value = Create> {
    let line = (1..8_i64, 0..5_000_i64);
    let lines = proptest::collection::vec(line, LINES as usize..=LINES as usize);
    (lines, 0..1_000_i64, 0..1_000_i64, 0..100_i64).prop_map(|(lines, shipping, tax, discount)| {
        let lines: Vec<_> =
            lines.into_iter().zip(1..).map(|((quantity, price), number)| line_at(number, quantity, price)).collect();
        let goods: i64 = lines.iter().map(|line| line.unit_price.amount() * line.quantity.get()).sum();
        let discount = gbp(discount.min(goods));
        Create { lines, shipping: gbp(shipping), tax: gbp(tax), discount, ..wanted() }
    })
}

fn line_at(number: u128, quantity: i64, price: i64) -> NewLine {
    line(number, &format!("S{number}"), quantity, price)
}

fn check_bounds(contents: &Contents) -> Result<(), TestCaseError> {
    for line in &contents.lines {
        prop_assert!(0 <= line.delivered && line.delivered <= line.shipped);
        prop_assert!(line.shipped <= line.quantity.get() - line.cancelled);
        prop_assert!(0 <= line.cancelled && line.returned <= line.delivered);
        let in_parcels = contents.shipments.iter().flat_map(|shipment| &shipment.lines);
        let sent: i64 = in_parcels.filter(|units| units.line_id == line.id).map(|units| units.quantity.get()).sum();
        prop_assert_eq!(sent, line.shipped);
        let back = contents.returns.iter().filter_map(|known| match &known.progress {
            Progress::Received { received, .. } => Some(received),
            _ => None,
        });
        let back = back.flatten().filter(|units| units.line_id == line.id);
        prop_assert_eq!(back.map(|units| units.quantity.get()).sum::<i64>(), line.returned);
        prop_assert!(0 <= line.returned);
    }
    let Totals { subtotal, shipping, tax, discount, total } = contents.totals;
    let sum = subtotal.amount() + shipping.amount() + tax.amount() - discount.amount();
    prop_assert_eq!(sum, total.amount());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn o1_o3_lines_keep_their_bounds_and_parcels_add_up(
        wanted in any_order(),
        commands in proptest::collection::vec(any_command(), 1..40),
    ) {
        let mut state = given::<Order>([created_from(wanted), confirmed()]).into_state();
        let before = state.contents().unwrap().clone();
        for command in commands {
            let again = command.clone();
            let Ok(events) = Order::decide(&state, command) else { continue };
            state = crate::aggregate::fold::<Order>(state, &events);
            let contents = state.contents().unwrap();
            check_bounds(contents)?;
            prop_assert_eq!(contents.totals, before.totals, "O2");
            prop_assert!(state.status() != "cancelled" || contents.shipments.is_empty(), "O4");
            if !matches!(again, Command::CancelLines { .. } | Command::CorrectAddress { .. }) {
                prop_assert_eq!(Order::decide(&state, again), Ok(vec![]), "doing it again changes nothing");
            }
        }
        let contents = state.contents().unwrap();
        let due: i64 = contents.shipments.iter().map(|shipment| shipment.amount.amount()).sum();
        let cancelled = contents.cancelled_amount.amount();
        let everything = contents.lines.iter().all(|line| line.unshipped() == 0);
        prop_assert!(cancelled >= 0 && due <= contents.owed().amount());
        prop_assert!(contents.shipments.iter().all(|shipment| !shipment.amount.is_negative()));
        prop_assert!(0 <= contents.returned_amount.amount() && contents.returned_amount.amount() <= due);
        let due_back = contents.lines.iter().all(|line| line.returned == line.quantity.get() - line.cancelled);
        if due_back && !contents.returns.is_empty() {
            prop_assert_eq!(contents.returned_amount, contents.owed(), "O3");
        }
        if everything {
            // To the penny, in whatever order units were sent and cancelled.
            prop_assert_eq!(due + cancelled, contents.totals.total.amount(), "O3");
        }
    }
}
