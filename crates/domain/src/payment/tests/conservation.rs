//! Whatever is asked and answered, in whatever order and however often: no more is taken than was authorised, and no more
//! given back than was taken.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn any_operation() -> impl Strategy<Value = Operation> {
    prop_oneof![Just(Operation::Authorization), (1..5_u128).prop_map(of_capture), Just(Operation::Void)]
}

fn any_outcome() -> impl Strategy<Value = DisputeOutcome> {
    prop_oneof![Just(DisputeOutcome::Open), Just(DisputeOutcome::ChargedBack), Just(DisputeOutcome::Won)]
}

fn any_id() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("op_1"), Just("op_2"), Just("op_3")]
}

fn any_command() -> impl Strategy<Value = Command> {
    let number = 1..5_u128;
    let amount = prop_oneof![1..600_i64, Just(1_000)];
    prop_oneof![
        1 => Just(request()),
        1 => Just(require_action("pi_1")),
        2 => Just(authorize("pi_1")),
        2 => (any_operation(), proptest::option::of(any_id())).prop_map(|(operation, id)| fail(operation, id)),
        5 => (number.clone(), amount.clone()).prop_map(|(number, amount)| request_capture(number, amount)),
        5 => (number.clone(), any_id(), amount.clone()).prop_map(|(number, id, amount)| record_captured(number, id, amount)),
        5 => (number.clone(), amount.clone()).prop_map(|(number, amount)| request_refund(number, amount)),
        5 => (number.clone(), any_id(), amount).prop_map(|(number, id, amount)| record_refunded(number, id, amount)),
        2 => (number, proptest::option::of(any_id())).prop_map(|(number, id)| fail_refund(number, id)),
        1 => Just(request_void()),
        1 => proptest::option::of(any_id()).prop_map(record_voided),
        2 => (any_id(), 1..600_i64, any_outcome()).prop_map(|(id, amount, outcome)| {
            let (dispute_id, reason) = (reference(id), FailureCode::new("fraudulent").unwrap());
            Command::RecordDispute { dispute_id, amount: gbp(amount), reason, outcome }
        }),
        1 => Just(Command::Expire),
    ]
}

/// Money as the events alone tell it.
#[derive(Default)]
struct Told {
    authorized: i64,
    captured: i64,
    refunded: i64,
    charged_back: i64,
    disputes: usize,
    completed: usize,
    void_wanted: bool,
    /// The last word on more having gone back than was taken.
    found: Option<Figures>,
}

impl Told {
    fn tell(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::Authorized(fact) => self.authorized += fact.amount.amount(),
            Event::Captured(fact) => self.captured += fact.amount.amount(),
            Event::RefundSucceeded(fact) => self.refunded += fact.amount.amount(),
            Event::Refunded(fact) => {
                prop_assert_eq!((fact.amount.amount(), self.refunded), (self.captured, self.captured))
            }
            Event::ChargedBack(fact) => self.charged_back += fact.amount.amount(),
            Event::Disputed(_) => self.disputes += 1,
            Event::Completed(_) => self.completed += 1,
            Event::DiscrepancyFound(fact) => self.found = Some(fact.ours),
            Event::VoidRequested(_) => self.void_wanted = true,
            Event::CaptureRequested(_) => prop_assert!(!self.void_wanted, "P6"),
            _ => {}
        }
        Ok(())
    }
}

/// What was asked of the provider, as the events alone tell it.
#[derive(Default)]
struct Asked {
    authorization: bool,
    captures: BTreeSet<CaptureId>,
    refunds: BTreeSet<RefundId>,
    void: bool,
}

impl Asked {
    fn tell(&mut self, event: &Event) -> Result<(), TestCaseError> {
        match event {
            Event::AuthorizationRequested(_) => self.authorization = true,
            Event::CaptureRequested(fact) => drop(self.captures.insert(fact.capture_id)),
            Event::RefundRequested(fact) => drop(self.refunds.insert(fact.refund_id)),
            Event::VoidRequested(_) => self.void = true,
            Event::ActionRequired(_) | Event::Authorized(_) => prop_assert!(self.authorization),
            Event::Captured(fact) => prop_assert!(self.captures.contains(&fact.capture_id)),
            Event::RefundSucceeded(fact) => prop_assert!(self.refunds.contains(&fact.refund_id)),
            Event::RefundFailed(fact) => prop_assert!(self.refunds.contains(&fact.refund_id)),
            Event::Voided(_) => prop_assert!(self.void),
            Event::Failed(fact) => match fact.operation {
                Operation::Capture { capture_id } => prop_assert!(self.captures.contains(&capture_id)),
                Operation::Authorization | Operation::Void => prop_assert!(self.authorization),
            },
            _ => {}
        }
        Ok(())
    }
}

/// The same in another currency, where the command has an amount.
fn in_euro(command: Command) -> Option<Command> {
    let euro = |amount: Money| eur(amount.amount());
    match command {
        Command::RequestCapture { capture_id, amount, for_shipment } => {
            Some(Command::RequestCapture { capture_id, amount: euro(amount), for_shipment })
        }
        Command::RecordCaptured { capture_id, operation_id, amount } => {
            Some(Command::RecordCaptured { capture_id, operation_id, amount: euro(amount) })
        }
        Command::RequestRefund { refund_id, amount, reason } => {
            Some(Command::RequestRefund { refund_id, amount: euro(amount), reason })
        }
        Command::RecordRefunded { refund_id, operation_id, amount } => {
            Some(Command::RecordRefunded { refund_id, operation_id, amount: euro(amount) })
        }
        Command::RecordDispute { dispute_id, amount, reason, outcome: DisputeOutcome::Open } => {
            Some(Command::RecordDispute { dispute_id, amount: euro(amount), reason, outcome: DisputeOutcome::Open })
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn p1_p2_p6_no_more_is_taken_than_was_authorised_nor_given_back_than_was_taken(commands in proptest::collection::vec(any_command(), 1..60)) {
        let mut state = given::<Payment>(asked()).into_state();
        let mut told = Told::default();
        for command in commands {
            let Ok(events) = Payment::decide(&state, command.clone()) else { continue };
            for event in &events {
                told.tell(event)?;
            }
            state = fold::<Payment>(state, &events);
            let ledger = state.ledger().unwrap();
            prop_assert_eq!(ledger.captured(), gbp(told.captured));
            prop_assert!(told.authorized <= 1_000, "authorised once");
            prop_assert!(ledger.captured().checked_add(ledger.capture_pending()).unwrap() <= ledger.authorized(), "P1");
            prop_assert!(!ledger.uncaptured().is_negative());
            prop_assert_eq!(told.completed, usize::from(told.captured == 1_000), "completed once, when it is");
            let label = if told.refunded == 0 { "completed" } else { "partially_refunded" };
            let is_disputed = told.disputes > 0;
            prop_assert!(told.captured < 1_000 || told.refunded == 1_000 || is_disputed || state.status() == label);
            prop_assert_eq!(ledger.refunded(), gbp(told.refunded));
            let gone = ledger.refunded().checked_add(ledger.refund_pending()).unwrap();
            prop_assert!(gone <= ledger.captured(), "P2");
            prop_assert_eq!(ledger.charged_back(), gbp(told.charged_back));
            prop_assert!(told.charged_back <= told.captured);
            let twice = told.refunded + told.charged_back - told.captured;
            prop_assert_eq!(ledger.given_back_twice(), gbp(twice.max(0)));
            let found = told.found.map(|ours| (ours.refunded.amount(), ours.charged_back.amount()));
            prop_assert!(twice <= 0 || found == Some((told.refunded, told.charged_back)), "P2: it is found at once");
            let left = (told.captured - gone.amount() - told.charged_back).max(0);
            prop_assert_eq!(ledger.refundable(), gbp(left), "P2");
            prop_assert_eq!(state.status() == "charged_back", told.charged_back > 0);
            let all_is_back = told.refunded > 0 && told.refunded == told.captured;
            prop_assert!(is_disputed || (state.status() == "refunded") == all_is_back);
        }
    }

    #[test]
    fn p4_every_result_is_recorded_once(commands in proptest::collection::vec(any_command(), 1..60)) {
        let mut state = given::<Payment>(asked()).into_state();
        for command in commands {
            let Ok(events) = Payment::decide(&state, command.clone()) else { continue };
            state = fold::<Payment>(state, &events);
            prop_assert_eq!(Payment::decide(&state, command), Ok(vec![]), "doing it again changes nothing");
        }
    }

    #[test]
    fn p3_nothing_comes_of_what_the_provider_was_not_asked_for(commands in proptest::collection::vec(any_command(), 1..60)) {
        let mut state = given::<Payment>([initiated()]).into_state();
        let mut asked = Asked::default();
        for command in commands {
            let Ok(events) = Payment::decide(&state, command) else { continue };
            for event in &events {
                asked.tell(event)?;
            }
            state = fold::<Payment>(state, &events);
        }
    }

    #[test]
    fn p5_nothing_comes_of_an_amount_in_another_currency(commands in proptest::collection::vec(any_command(), 1..60)) {
        let mut state = given::<Payment>(holding()).into_state();
        for command in commands {
            if let Some(foreign) = in_euro(command.clone()) {
                prop_assert_eq!(Payment::decide(&state, foreign).unwrap_or_default(), vec![]);
            }
            let Ok(events) = Payment::decide(&state, command) else { continue };
            state = fold::<Payment>(state, &events);
        }
    }
}
