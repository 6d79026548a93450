//! Given these events, when this command comes, then these events follow: how every rule is tested.
//!
//! Works on any aggregate. What a test gives or expects is also written out and read back on the way, so that no event
//! gets by that could not be stored.

#[cfg(test)]
pub(crate) mod remaining;
#[cfg(test)]
pub(crate) mod transitions;

use std::fmt;

use crate::aggregate::{Aggregate, EventKind, fold};

/// A stream's history.
#[track_caller]
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let state = events.into_iter().fold(A::initial(), |state, event| A::evolve(state, &stored(event)));
    Given { state }
}

/// An aggregate as its history left it.
pub struct Given<A: Aggregate> {
    state: A::State,
}

impl<A: Aggregate> Given<A> {
    pub fn when(self, command: A::Command) -> Decided<A> {
        let decision = A::decide(&self.state, command);
        Decided { state: self.state, decision }
    }

    pub fn into_state(self) -> A::State {
        self.state
    }

    /// Looks at the state itself.
    #[track_caller]
    pub fn then_state(self, look: impl FnOnce(&A::State)) {
        look(&self.state);
    }
}

/// A decision, to be compared with what the rules demand.
pub struct Decided<A: Aggregate> {
    state: A::State,
    decision: Result<Vec<A::Event>, A::Error>,
}

impl<A: Aggregate> Decided<A> {
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Given<A> {
        let events = accepted(self.decision);
        let expected: Vec<A::Event> = expected.into_iter().collect();
        assert_eq!(events, expected, "the command was accepted with other events");
        for event in &events {
            stored(event.clone());
        }
        Given { state: fold::<A>(self.state, &events) }
    }

    /// The command was already satisfied.
    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        self.then([])
    }

    #[track_caller]
    pub fn then_error(self, expected: A::Error) {
        match self.decision {
            Ok(events) => panic!("{expected:?} was expected, and the command was accepted with {events:?}"),
            Err(error) => assert_eq!(error, expected, "the command was refused for another reason"),
        }
    }

    /// Accepted, whatever the events: looks at the state they lead to.
    #[track_caller]
    pub fn then_state(self, look: impl FnOnce(&A::State)) {
        let events = accepted(self.decision);
        look(&fold::<A>(self.state, &events));
    }
}

#[track_caller]
fn accepted<E, R: fmt::Debug>(decision: Result<Vec<E>, R>) -> Vec<E> {
    match decision {
        Ok(events) => events,
        Err(error) => panic!("the command was refused: {error:?}"),
    }
}

/// The event as it comes back from the book.
#[track_caller]
fn stored<E: EventKind>(event: E) -> E {
    let read = E::from_payload(event.event_type(), event.schema_version(), &event.to_payload());
    assert_eq!(read.as_ref(), Ok(&event), "the event does not read back as it was written");
    event
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::cart::{Cart, Command, Discarded, Error, Event, Opened, State};
    use crate::{ids::CustomerId, money::Currency};

    fn opened() -> Event {
        let (customer_id, opened_at) = (CustomerId::from_uuid(uuid::Uuid::from_u128(1)), chrono::DateTime::UNIX_EPOCH);
        Event::Opened(Opened { customer_id, guest: true, currency: Currency::GBP, opened_at })
    }

    fn discard() -> Decided<Cart> {
        given([opened()]).when(Command::Discard)
    }

    fn refused() -> Decided<Cart> {
        given([]).when(Command::Discard)
    }

    #[track_caller]
    fn check_fails(test: impl FnOnce()) {
        assert!(catch_unwind(AssertUnwindSafe(test)).is_err(), "a test passes that expects what is not so");
    }

    #[test]
    fn what_is_as_expected_passes() {
        let illegal = Error::IllegalTransition { state: "absent", allowed: vec!["open"] };
        refused().then_error(illegal);
        discard().then([Event::Discarded(Discarded {})]).when(Command::Discard).then_nothing();
        discard().then_state(|state| assert_eq!(state.status(), "discarded"));
        given::<Cart>([opened()]).then_state(|state| assert_eq!(state.status(), "open"));
        assert_eq!(given::<Cart>([]).into_state(), State::Absent);
    }

    #[test]
    fn what_is_not_as_expected_fails() {
        check_fails(|| drop(discard().then([])));
        check_fails(|| drop(discard().then_nothing()));
        check_fails(|| drop(discard().then([opened()])));
        check_fails(|| drop(refused().then_nothing()));
        check_fails(|| refused().then_error(Error::EmptyCart));
        check_fails(|| discard().then_error(Error::EmptyCart));
        check_fails(|| refused().then_state(|_| ()));
        check_fails(|| discard().then_state(|state| assert_eq!(state.status(), "open")));
        check_fails(|| given::<Cart>([opened()]).then_state(|state| assert_eq!(state.status(), "absent")));
    }
}
