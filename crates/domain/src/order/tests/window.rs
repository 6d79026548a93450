//! O7: for how long a unit may be sent back.

use proptest::prelude::*;

use super::*;

/// A parcel of so many units of the one line, that arrives then.
fn parcel(number: u128, units: i64, days: i64) -> [Event; 3] {
    let arrived = ShipmentDelivered { shipment_id: shipment_id(number), delivered_at: day(days) };
    [packed(number, &[(1, "A", units)], units), dispatched(number, units), Event::ShipmentDelivered(arrived)]
}

fn of_one_line(units: i64) -> Vec<Event> {
    vec![created_from(Create { lines: vec![line(1, "A", units, 1)], ..wanted() }), confirmed()]
}

#[derive(Debug, Clone, Copy)]
enum Happens {
    Arrives(i64),
    IsAskedFor(i64),
    IsRejected(usize),
}

fn any_happening() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (1..5_i64).prop_map(Happens::Arrives),
        (1..4_i64).prop_map(Happens::IsAskedFor),
        (1..4_i64).prop_map(Happens::IsAskedFor),
        (0..8_usize).prop_map(Happens::IsRejected),
    ]
}

proptest! {
    /// Each unit is followed by itself: when it came, and which return has it.
    #[test]
    fn o7_each_unit_that_comes_back_came_within_30_days(
        steps in proptest::collection::vec((any_happening(), 0..25_i64), 1..25),
    ) {
        let mut state = given::<Order>(of_one_line(1_000)).into_state();
        let mut came: Vec<(i64, Option<u128>)> = Vec::new();
        let mut today = 0;
        for ((happens, days), number) in steps.into_iter().zip(1_u128..) {
            today += days;
            let command = match happens {
                Happens::Arrives(units) => {
                    came.extend((0..units).map(|_| (today, None)));
                    state = crate::aggregate::fold::<Order>(state, &parcel(number, units, today));
                    continue;
                }
                Happens::IsRejected(place) => {
                    let Some(known) = state.contents().unwrap().returns.get(place) else { continue };
                    let refused = known.id.as_uuid().as_u128();
                    came.iter_mut().filter(|(_, of)| *of == Some(refused)).for_each(|(_, of)| *of = None);
                    reject(refused)
                }
                Happens::IsAskedFor(units) => request_return(number, &[(1, "A", units)], day(today)),
            };
            let decided = Order::decide(&state, command);
            if let Happens::IsAskedFor(units) = happens {
                let can: Vec<usize> =
                    (0..came.len()).filter(|unit| came[*unit].1.is_none() && today <= came[*unit].0 + 30).collect();
                prop_assert_eq!(decided.is_ok(), units as usize <= can.len(), "{} of {:?} on day {}", units, came, today);
                if decided.is_ok() {
                    can.into_iter().take(units as usize).for_each(|unit| came[unit].1 = Some(number));
                }
            }
            let Ok(events) = decided else { continue };
            state = crate::aggregate::fold::<Order>(state, &events);
        }
    }
}
