//! A payment's rules, each as given, when, then.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::spec::{Given, given};

fn payment(events: impl IntoIterator<Item = Event>) -> Given<Payment> {
    given(events)
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn text(text: &str) -> ProviderText {
    ProviderText::new(text).unwrap()
}

fn reason() -> Reason {
    Reason::new("the order was cancelled").unwrap()
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400, 0).unwrap()
}

fn order() -> OrderId {
    OrderId::from_uuid(Uuid::from_u128(1))
}

fn shipment(id: u128) -> ShipmentId {
    ShipmentId::from_uuid(Uuid::from_u128(id))
}

fn initiate(amount: Money) -> Command {
    let token = PaymentToken::new("tok_ok").unwrap();
    Command::Initiate { order_id: order(), amount, provider: text("simulated"), method: text("card"), token }
}

fn initiated() -> Event {
    let token = PaymentToken::new("tok_ok").unwrap();
    let (provider, method) = (text("simulated"), text("card"));
    Event::Initiated(Initiated { order_id: order(), amount: gbp(1_000), provider, method, token })
}

fn asked() -> Event {
    Event::AuthorizationRequested(AuthorizationRequested { amount: gbp(1_000), deadline: at() })
}

fn authorized() -> Event {
    Event::Authorized(Authorized { provider_reference: text("auth_1"), amount: gbp(1_000), expires_at: at() })
}

fn capture_requested(amount: i64) -> Event {
    Event::CaptureRequested(CaptureRequested { amount: gbp(amount), shipment_id: None })
}

fn captured(id: &str, amount: i64) -> Event {
    Event::Captured(Captured { operation_id: text(id), amount: gbp(amount) })
}

fn completed() -> Event {
    Event::Completed(Completed { amount: gbp(1_000) })
}

fn void_requested() -> Event {
    Event::VoidRequested(VoidRequested { reason: reason() })
}

fn voided() -> Event {
    Event::Voided(Voided { operation_id: text("void_1") })
}

fn failed(operation: Operation, amount: i64) -> Event {
    Event::Failed(Failed { operation, code: text("declined"), operation_id: None, amount: gbp(amount) })
}

fn record_failed(operation: Operation, amount: i64) -> Command {
    Command::RecordFailed { operation, code: text("declined"), operation_id: None, amount: gbp(amount) }
}

fn record_authorized() -> Command {
    Command::RecordAuthorized { provider_reference: text("auth_1"), amount: gbp(1_000), expires_at: at() }
}

fn record_captured(id: &str, amount: i64) -> Command {
    Command::RecordCaptured { operation_id: text(id), amount: gbp(amount) }
}

fn request_capture(amount: i64) -> Command {
    Command::RequestCapture { amount: gbp(amount), shipment_id: None }
}

fn request_void() -> Command {
    Command::RequestVoid { reason: reason() }
}

#[test]
fn a_payment_begins_with_what_is_to_be_paid() {
    payment([]).when(initiate(gbp(1_000))).then([initiated()]);
}

#[test]
fn beginning_the_same_payment_again_is_no_news() {
    payment([initiated()]).when(initiate(gbp(1_000))).then_nothing();
}

#[test]
fn another_payment_under_the_same_id_is_rejected() {
    payment([initiated()]).when(initiate(gbp(999))).then_error(illegal("initiated", &[]));
}

#[test]
fn a_payment_of_nothing_is_rejected() {
    payment([]).when(initiate(gbp(0))).then_error(Error::AmountNotPositive);
}

#[test]
fn what_has_not_begun_can_only_begin() {
    payment([]).when(request_void()).then_error(illegal("absent", &["initiate"]));
}

#[test]
fn p3_an_authorisation_is_requested_once() {
    let request = || Command::RequestAuthorization { deadline: at() };
    payment([initiated()]).when(request()).then([asked()]).when(request()).then_nothing();
    payment([initiated(), void_requested()]).when(request()).then_nothing();
}

#[test]
fn the_payer_is_sent_where_the_provider_says() {
    let url = "https://pay.example/challenge";
    let required = Event::ActionRequired(ActionRequired { provider_reference: text("a_1"), action_url: url.into() });
    let record = |url: &str| Command::RecordActionRequired { provider_reference: text("a_1"), action_url: url.into() };
    payment([initiated(), asked()]).when(record(url)).then([required]).when(record(url)).then_nothing();
    payment([initiated(), asked()]).when(record("javascript:alert(1)")).then_error(Error::ActionUrl);
}

#[test]
fn p4_an_authorisation_told_twice_is_recorded_once() {
    payment([initiated(), asked()])
        .when(record_authorized())
        .then([authorized()])
        .when(record_authorized())
        .then_nothing();
}

#[test]
fn p4_a_failure_after_a_success_is_recorded_and_changes_nothing() {
    payment([initiated(), asked(), authorized()])
        .when(record_failed(Operation::Authorization, 1_000))
        .then([failed(Operation::Authorization, 1_000)])
        .then_state(|state| assert_eq!(state.status(), "authorized"));
}

#[test]
fn a_declined_payment_has_failed() {
    payment([initiated(), asked()])
        .when(record_failed(Operation::Authorization, 1_000))
        .then([failed(Operation::Authorization, 1_000)])
        .when(record_failed(Operation::Authorization, 1_000))
        .then_nothing()
        .then_state(|state| assert_eq!(state.status(), "failed"));
}

#[test]
fn money_that_is_authorised_after_the_payment_ended_is_let_go_at_once() {
    let late = Reason::new("authorised after the payment had ended").unwrap();
    let let_go = || Event::VoidRequested(VoidRequested { reason: late.clone() });
    let events = [initiated(), asked(), void_requested(), voided()];
    payment(events).when(record_authorized()).then([authorized(), let_go()]);
    payment([initiated(), asked(), void_requested()]).when(record_authorized()).then([authorized(), let_go()]);
}

#[test]
fn p1_captures_stay_within_what_is_authorised() {
    let left = gbp(400);
    payment([initiated(), asked(), authorized(), capture_requested(600)])
        .when(request_capture(401))
        .then_error(Error::AmountTooLarge { requested: gbp(401), left });
}

#[test]
fn a_capture_of_everything_completes_the_payment() {
    payment([initiated(), asked(), authorized(), capture_requested(400), captured("c_1", 400), capture_requested(600)])
        .when(record_captured("c_2", 600))
        .then([captured("c_2", 600), completed()])
        .then_state(|state| assert_eq!(state.status(), "completed"));
}

#[test]
fn a_capture_of_a_part_is_a_part() {
    payment([initiated(), asked(), authorized(), capture_requested(400)])
        .when(record_captured("c_1", 400))
        .then([captured("c_1", 400)])
        .then_state(|state| assert_eq!(state.status(), "partially_captured"));
}

#[test]
fn p4_a_capture_told_twice_is_recorded_once() {
    payment([initiated(), asked(), authorized(), capture_requested(400), captured("c_1", 400)])
        .when(record_captured("c_1", 400))
        .then_nothing();
}

#[test]
fn a_capture_that_nobody_asked_for_is_rejected() {
    payment([initiated(), asked(), authorized()])
        .when(record_captured("c_1", 1))
        .then_error(Error::AmountTooLarge { requested: gbp(1), left: gbp(0) });
}

#[test]
fn a_shipment_is_captured_once() {
    let request = || Command::RequestCapture { amount: gbp(400), shipment_id: Some(shipment(7)) };
    let requested = Event::CaptureRequested(CaptureRequested { amount: gbp(400), shipment_id: Some(shipment(7)) });
    payment([initiated(), asked(), authorized()]).when(request()).then([requested]).when(request()).then_nothing();
}

#[test]
fn a_failed_capture_may_be_asked_for_again() {
    payment([initiated(), asked(), authorized(), capture_requested(1_000)])
        .when(record_failed(Operation::Capture, 1_000))
        .then([failed(Operation::Capture, 1_000)])
        .when(request_capture(1_000))
        .then([capture_requested(1_000)]);
}

#[test]
fn p5_a_payment_has_one_currency() {
    let euros = Money::new(1, Currency::EUR);
    let mismatch = || Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR };
    let events = [initiated(), asked(), authorized(), capture_requested(400)];
    payment(events.clone()).when(Command::RequestCapture { amount: euros, shipment_id: None }).then_error(mismatch());
    payment(events).when(Command::RecordCaptured { operation_id: text("c_1"), amount: euros }).then_error(mismatch());
}

#[test]
fn p6_nothing_is_captured_once_a_void_was_asked_for() {
    payment([initiated(), asked(), authorized(), void_requested()])
        .when(request_capture(1))
        .then_error(illegal("void_requested", &[]));
    payment([initiated(), asked(), authorized(), void_requested(), voided()])
        .when(request_capture(1))
        .then_error(illegal("void_requested", &[]));
}

#[test]
fn p6_a_void_takes_what_is_not_captured() {
    payment([initiated(), asked(), authorized(), capture_requested(400), captured("c_1", 400)])
        .when(request_void())
        .then([void_requested()])
        .when(Command::RecordVoided { operation_id: text("void_1") })
        .then([voided()])
        .then_state(|state| {
            let ledger = state.ledger().unwrap();
            assert_eq!((ledger.status(), ledger.authorized, ledger.captured), ("completed", gbp(400), gbp(400)));
        });
}

#[test]
fn what_is_captured_in_full_can_only_be_refunded() {
    payment([initiated(), asked(), authorized(), capture_requested(1_000), captured("c_1", 1_000), completed()])
        .when(request_void())
        .then_error(illegal("completed", &["refund"]));
}

#[test]
fn voiding_twice_is_no_news() {
    payment([initiated(), void_requested()]).when(request_void()).then_nothing();
    payment([initiated(), void_requested(), voided()])
        .when(Command::RecordVoided { operation_id: text("void_1") })
        .then_nothing();
}

#[test]
fn an_authorisation_lapses_unless_money_was_taken() {
    let expired = Event::Expired(Expired {});
    payment([initiated(), asked(), authorized()])
        .when(Command::Expire)
        .then([expired])
        .when(Command::Expire)
        .then_nothing();
    payment([initiated(), asked(), authorized(), capture_requested(400)])
        .when(Command::Expire)
        .then_error(illegal("authorized", &["capture", "void"]));
}

#[test]
fn goods_leave_only_against_money_that_is_held() {
    let covers = |events: &[Event]| payment(events.to_vec()).into_state().ledger().is_some_and(Ledger::covers_shipping);
    assert!(!covers(&[initiated(), asked()]));
    assert!(covers(&[initiated(), asked(), authorized()]));
    assert!(!covers(&[initiated(), asked(), authorized(), void_requested()]));
}

#[test]
fn p8_a_card_number_is_no_token() {
    for number in ["4242424242424242", "4242 4242 4242 4242", "4012-8888-8888-1881", "378282246310005"] {
        assert_eq!(PaymentToken::new(number), Err(TokenError::CardNumber), "{number}");
    }
    for token in ["tok_ok", "4242424242424241", "12345"] {
        assert!(PaymentToken::new(token).is_ok(), "{token}");
    }
    assert_eq!(PaymentToken::new(""), Err(TokenError::Text));
    assert!(serde_json::from_str::<PaymentToken>("\"4242424242424242\"").is_err());
}

fn any_command() -> impl Strategy<Value = Command> {
    let amount = 1..1_200_i64;
    let id = 0..4_u8;
    prop_oneof![
        Just(Command::RequestAuthorization { deadline: at() }),
        Just(record_authorized()),
        Just(record_failed(Operation::Authorization, 1_000)),
        amount.clone().prop_map(request_capture),
        (id, amount.clone()).prop_map(|(id, amount)| record_captured(&format!("c_{id}"), amount)),
        amount.prop_map(|amount| record_failed(Operation::Capture, amount)),
        Just(request_void()),
        Just(Command::RecordVoided { operation_id: text("void_1") }),
        Just(Command::Expire),
    ]
}

proptest! {
    #[test]
    fn p1_whatever_happens_no_more_is_captured_than_was_authorised(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut state = payment([initiated()]).into_state();
        let mut authorized_at_most = 0;
        for command in commands {
            for event in Payment::decide(&state, command).unwrap_or_default() {
                state = Payment::evolve(state, &event);
            }
            let ledger = state.ledger().unwrap();
            authorized_at_most = authorized_at_most.max(ledger.authorized.amount());
            prop_assert!(ledger.captured.amount() >= 0 && ledger.capture_pending.amount() >= 0);
            prop_assert!(ledger.captured.amount() + ledger.capture_pending.amount() <= authorized_at_most);
        }
    }
}
