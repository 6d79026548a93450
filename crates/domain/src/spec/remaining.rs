//! No more than is left is taken, what is left is taken, and a refusal names both.

use super::given;
use crate::aggregate::Aggregate;

/// After a history so much is left.
pub(crate) struct Left<E> {
    history: Vec<E>,
    left: i64,
}

pub(crate) fn left<E: Clone>(left: i64, history: Vec<E>, more: &[E]) -> Left<E> {
    Left { history: [history, more.to_vec()].concat(), left }
}

#[track_caller]
pub(crate) fn check<A: Aggregate>(
    rows: Vec<Left<A::Event>>,
    ask_for: impl Fn(i64) -> A::Command,
    refusal: impl Fn(i64, i64) -> A::Error,
) {
    for Left { history, left } in rows {
        given::<A>(history.clone()).when(ask_for(left + 1)).then_error(refusal(left + 1, left));
        if left > 0 {
            let events = A::decide(&given::<A>(history).into_state(), ask_for(left)).expect("what is left is taken");
            assert!(!events.is_empty(), "{left} are left, and are not taken");
        }
    }
}
