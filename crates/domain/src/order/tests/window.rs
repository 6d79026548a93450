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

/// The day on which a unit came, and which return has it, asked for on which day.
type Unit = (i64, Option<(u128, i64)>);

/// Finds a unit for a return that was asked for on its day. One unit is as good as another: a return that has one already takes
/// another that was in time for it, where this one is left with none otherwise.
fn find(came: &mut [Unit], asked: (u128, i64), seen: &mut [bool]) -> bool {
    for unit in 0..came.len() {
        let (arrived, of) = came[unit];
        if seen[unit] || !(arrived..=arrived + 30).contains(&asked.1) {
            continue;
        }
        seen[unit] = true;
        if of.is_none_or(|other| find(came, other, seen)) {
            came[unit].1 = Some(asked);
            return true;
        }
    }
    false
}

proptest! {
    /// Each unit is followed by itself. What may be sent back is what can be shared out among all returns that were not rejected, so
    /// that each has units which were in time for it.
    #[test]
    fn o7_each_unit_that_comes_back_came_within_30_days(
        steps in proptest::collection::vec((any_happening(), 0..25_i64), 1..25),
    ) {
        let mut state = given::<Order>(of_one_line(1_000)).into_state();
        let mut came: Vec<Unit> = Vec::new();
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
                    came.iter_mut().filter(|(_, of)| of.is_some_and(|of| of.0 == refused)).for_each(|(_, of)| *of = None);
                    reject(refused)
                }
                Happens::IsAskedFor(units) => request_return(number, &[(1, "A", units)], day(today)),
            };
            let decided = Order::decide(&state, command);
            if let Happens::IsAskedFor(units) = happens {
                let mut shared = came.clone();
                let can = (0..units).all(|_| find(&mut shared, (number, today), &mut vec![false; came.len()]));
                prop_assert_eq!(decided.is_ok(), can, "{} of {:?} on day {}", units, came, today);
                if can {
                    came = shared;
                }
            }
            let Ok(events) = decided else { continue };
            state = crate::aggregate::fold::<Order>(state, &events);
        }
    }
}
