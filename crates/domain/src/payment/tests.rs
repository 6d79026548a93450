//! A payment's rules, each as given, when, then.

mod authorization;
mod capture;
mod conservation;
mod dispute;
mod reconciliation;
mod refund;
mod remaining;
mod transitions;
mod void;

use uuid::Uuid;

use super::*;
use crate::spec::{Given, given};

fn payment(events: impl IntoIterator<Item = Event>) -> Given<Payment> {
    given(events)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn order_id() -> OrderId {
    OrderId::from_uuid(id(1))
}

fn capture_id(number: u128) -> CaptureId {
    CaptureId::from_uuid(id(number))
}

fn refund_id(number: u128) -> RefundId {
    RefundId::from_uuid(id(number))
}

fn gbp(amount: i64) -> Money {
    Money::new(amount, Currency::GBP)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn hour(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_291_190_400 + 3_600 * hour, 0).unwrap()
}

fn because() -> Reason {
    Reason::new("order cancelled").unwrap()
}

fn reference(text: &str) -> ProviderReference {
    ProviderReference::new(text).unwrap()
}

fn url() -> ActionUrl {
    ActionUrl::new("https://provider.test/3ds").unwrap()
}

fn facts() -> Initiated {
    Initiated {
        order_id: order_id(),
        amount: gbp(1_000),
        method: Method::new("card").unwrap(),
        token: PaymentToken::new("tok_ok").unwrap(),
        provider: Provider::new("simulated").unwrap(),
    }
}

fn initiated() -> Event {
    Event::Initiated(facts())
}

fn requested() -> Event {
    Event::AuthorizationRequested(AuthorizationRequested {
        order_id: order_id(),
        amount: gbp(1_000),
        deadline: hour(1),
    })
}

fn action_required() -> Event {
    Event::ActionRequired(ActionRequired {
        order_id: order_id(),
        provider_reference: reference("pi_1"),
        action_url: url(),
    })
}

fn authorized() -> Event {
    Event::Authorized(Authorized {
        order_id: order_id(),
        provider_reference: reference("pi_1"),
        amount: gbp(1_000),
        authorized_at: hour(0),
        expires_at: hour(168),
    })
}

fn failed(operation: Operation, operation_id: Option<&str>) -> Event {
    Event::Failed(Failed {
        order_id: order_id(),
        operation,
        operation_id: operation_id.map(reference),
        code: FailureCode::new("card_declined").unwrap(),
        detail: None,
    })
}

fn capture_requested(number: u128, amount: i64) -> Event {
    Event::CaptureRequested(CaptureRequested {
        order_id: order_id(),
        capture_id: capture_id(number),
        amount: gbp(amount),
        shipment_id: None,
    })
}

fn captured(number: u128, operation: &str, amount: i64) -> Event {
    Event::Captured(Captured {
        order_id: order_id(),
        capture_id: capture_id(number),
        operation_id: reference(operation),
        amount: gbp(amount),
    })
}

fn completed() -> Event {
    Event::Completed(Completed { order_id: order_id(), amount: gbp(1_000) })
}

fn void_requested(amount: i64) -> Event {
    Event::VoidRequested(VoidRequested { order_id: order_id(), amount: gbp(amount), reason: because() })
}

fn voided(amount: i64, operation: Option<&str>) -> Event {
    let operation_id = operation.map(reference);
    Event::Voided(Voided { order_id: order_id(), amount: gbp(amount), operation_id })
}

fn expired() -> Event {
    Event::Expired(Expired { order_id: order_id() })
}

fn refund_requested(number: u128, amount: i64) -> Event {
    let (order_id, refund_id, amount) = (order_id(), refund_id(number), gbp(amount));
    Event::RefundRequested(RefundRequested { order_id, refund_id, amount, reason: Some(because()) })
}

fn refund_succeeded(number: u128, operation: &str, amount: i64) -> Event {
    let (order_id, refund_id, operation_id) = (order_id(), refund_id(number), reference(operation));
    Event::RefundSucceeded(RefundSucceeded { order_id, refund_id, operation_id, amount: gbp(amount) })
}

fn refunded(amount: i64) -> Event {
    Event::Refunded(Refunded { order_id: order_id(), amount: gbp(amount) })
}

fn refund_failed(number: u128, operation: Option<&str>) -> Event {
    Event::RefundFailed(RefundFailed {
        order_id: order_id(),
        refund_id: refund_id(number),
        operation_id: operation.map(reference),
        code: FailureCode::new("card_declined").unwrap(),
        detail: None,
    })
}

fn initiate(facts: Initiated) -> Command {
    let Initiated { order_id, amount, method, token, provider } = facts;
    Command::Initiate { order_id, amount, method, token, provider }
}

fn request() -> Command {
    Command::RequestAuthorization { deadline: hour(1) }
}

fn require_action(text: &str) -> Command {
    Command::RecordActionRequired { provider_reference: reference(text), action_url: url() }
}

fn authorize(text: &str) -> Command {
    Command::RecordAuthorized { provider_reference: reference(text), at: hour(0), expires_at: hour(168) }
}

fn fail(operation: Operation, operation_id: Option<&str>) -> Command {
    Command::RecordFailed {
        operation,
        operation_id: operation_id.map(reference),
        code: FailureCode::new("card_declined").unwrap(),
        detail: None,
    }
}

fn request_capture(number: u128, amount: i64) -> Command {
    Command::RequestCapture { capture_id: capture_id(number), amount: gbp(amount), for_shipment: None }
}

fn record_captured(number: u128, operation: &str, amount: i64) -> Command {
    let (capture_id, operation_id) = (capture_id(number), reference(operation));
    Command::RecordCaptured { capture_id, operation_id, amount: gbp(amount) }
}

fn request_void() -> Command {
    Command::RequestVoid { reason: because() }
}

fn record_voided(operation: Option<&str>) -> Command {
    Command::RecordVoided { operation_id: operation.map(reference) }
}

fn request_refund(number: u128, amount: i64) -> Command {
    Command::RequestRefund { refund_id: refund_id(number), amount: gbp(amount), reason: Some(because()) }
}

fn record_refunded(number: u128, operation: &str, amount: i64) -> Command {
    let (refund_id, operation_id) = (refund_id(number), reference(operation));
    Command::RecordRefunded { refund_id, operation_id, amount: gbp(amount) }
}

fn fail_refund(number: u128, operation: Option<&str>) -> Command {
    Command::RecordRefundFailed {
        refund_id: refund_id(number),
        operation_id: operation.map(reference),
        code: FailureCode::new("card_declined").unwrap(),
        detail: None,
    }
}

fn of_capture(number: u128) -> Operation {
    Operation::Capture { capture_id: capture_id(number) }
}

fn illegal(state: &'static str, allowed: &[&'static str]) -> Error {
    Error::IllegalTransition { state, allowed: allowed.to_vec() }
}

fn exceeds(requested: i64, remaining: i64) -> Error {
    Error::AmountExceedsRemaining { requested: gbp(requested), remaining: gbp(remaining) }
}

const OF_NEW: &[&str] = &["request_authorization", "request_void", "expire"];
const OF_ASKED: &[&str] = &["request_void", "expire"];
const OF_BEING_VOIDED: &[&str] = &["expire"];
const OF_HELD: &[&str] = &["request_capture", "request_void", "expire"];
const OF_TAKEN: &[&str] = &["request_refund"];

fn asked() -> Vec<Event> {
    vec![initiated(), requested()]
}

fn holding() -> Vec<Event> {
    vec![initiated(), requested(), authorized()]
}

fn declined() -> Vec<Event> {
    vec![initiated(), requested(), failed(Operation::Authorization, Some("ch_0"))]
}

fn paid() -> Vec<Event> {
    [holding(), vec![capture_requested(1, 1_000), captured(1, "ch_1", 1_000), completed()]].concat()
}

fn partly_paid() -> Vec<Event> {
    [holding(), vec![capture_requested(1, 400), captured(1, "ch_1", 400)]].concat()
}

fn partly_refunded() -> Vec<Event> {
    [paid(), vec![refund_requested(1, 300), refund_succeeded(1, "rf_1", 300)]].concat()
}

fn wholly_refunded() -> Vec<Event> {
    [paid(), vec![refund_requested(1, 1_000), refund_succeeded(1, "rf_1", 1_000), refunded(1_000)]].concat()
}

fn given_back() -> Vec<Event> {
    [holding(), vec![void_requested(1_000), voided(1_000, Some("re_1"))]].concat()
}

fn lapsed() -> Vec<Event> {
    [holding(), vec![expired()]].concat()
}

fn with(history: Vec<Event>, more: &[Event]) -> Vec<Event> {
    [history, more.to_vec()].concat()
}

/// Commands that no state but an existing one takes.
fn any_but_initiate() -> Vec<Command> {
    vec![
        request(),
        require_action("pi_1"),
        authorize("pi_1"),
        fail(Operation::Authorization, None),
        request_capture(1, 1),
        record_captured(1, "ch_1", 1),
        request_void(),
        record_voided(None),
        Command::Expire,
        request_refund(1, 1),
        record_refunded(1, "rf_1", 1),
        fail_refund(1, None),
    ]
}

#[test]
fn the_label_follows_the_ledger() {
    for (history, label) in [
        (vec![], "absent"),
        (vec![initiated()], "initiated"),
        (asked(), "initiated"),
        (with(asked(), &[action_required()]), "action_required"),
        (declined(), "failed"),
        (holding(), "authorized"),
        (with(holding(), &[capture_requested(1, 400)]), "authorized"),
        (with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]), "failed"),
        (partly_paid(), "partially_captured"),
        (with(partly_paid(), &[void_requested(600), voided(600, None)]), "partially_captured"),
        (with(partly_paid(), &[expired()]), "partially_captured"),
        (paid(), "completed"),
        (with(paid(), &[refund_requested(1, 1_000)]), "completed"),
        (with(paid(), &[refund_requested(1, 1_000), refund_failed(1, None)]), "completed"),
        (partly_refunded(), "partially_refunded"),
        (wholly_refunded(), "refunded"),
        (with(partly_paid(), &[refund_requested(1, 400), refund_succeeded(1, "rf_1", 400)]), "refunded"),
        (with(holding(), &[void_requested(1_000)]), "authorized"),
        (given_back(), "voided"),
        (lapsed(), "expired"),
        (with(lapsed(), &[void_requested(1_000), voided(1_000, None)]), "voided"),
    ] {
        payment(history.clone()).then_state(|state| assert_eq!(state.status(), label, "{history:?}"));
    }
}

#[test]
fn the_ledger_says_what_is_authorised_captured_and_left() {
    let sums = |history: Vec<Event>| {
        let state = given::<Payment>(history).into_state();
        let ledger = state.ledger().unwrap();
        [ledger.authorized(), ledger.captured(), ledger.capture_pending(), ledger.uncaptured()].map(Money::amount)
    };
    assert_eq!(sums(asked()), [0, 0, 0, 0]);
    assert_eq!(sums(with(asked(), &[void_requested(1_000)])), [0, 0, 0, 0]);
    assert_eq!(sums(holding()), [1_000, 0, 0, 1_000]);
    assert_eq!(sums(with(partly_paid(), &[capture_requested(2, 500)])), [1_000, 400, 500, 100]);
    assert_eq!(sums(with(partly_paid(), &[void_requested(600)])), [1_000, 400, 0, 0]);
    assert_eq!(sums(given_back()), [1_000, 0, 0, 0]);
    assert_eq!(sums(paid()), [1_000, 1_000, 0, 0]);
    let given = |history: Vec<Event>| {
        let state = given::<Payment>(history).into_state();
        let ledger = state.ledger().unwrap();
        [ledger.refunded(), ledger.refund_pending(), ledger.refundable()].map(Money::amount)
    };
    assert_eq!(given(holding()), [0, 0, 0]);
    assert_eq!(given(paid()), [0, 0, 1_000]);
    assert_eq!(given(with(partly_refunded(), &[refund_requested(2, 500)])), [300, 500, 200]);
    assert_eq!(given(with(partly_refunded(), &[refund_requested(2, 500), refund_failed(2, None)])), [300, 0, 700]);
    assert_eq!(given(wholly_refunded()), [1_000, 0, 0]);
}

#[test]
fn o6_only_what_is_held_or_taken_covers_shipping() {
    for (history, covers) in [
        (vec![initiated()], false),
        (asked(), false),
        (with(asked(), &[action_required()]), false),
        (declined(), false),
        (holding(), true),
        (with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]), false),
        (partly_paid(), true),
        (with(partly_paid(), &[void_requested(600)]), false),
        (with(partly_paid(), &[expired()]), false),
        (with(partly_paid(), &[capture_requested(2, 500), failed(of_capture(2), None)]), true),
        (with(partly_paid(), &[refund_requested(1, 400), refund_succeeded(1, "rf_1", 400)]), true),
        (paid(), true),
        (partly_refunded(), true),
        (with(paid(), &[refund_requested(1, 1_000)]), false),
        (wholly_refunded(), false),
        (with(holding(), &[void_requested(1_000)]), false),
        (given_back(), false),
        (lapsed(), false),
    ] {
        payment(history.clone()).then_state(|state| {
            assert_eq!(state.ledger().unwrap().covers_shipping(), covers, "{history:?}");
        });
    }
}

#[test]
fn p3_a_payment_says_whether_the_provider_still_owes_an_answer() {
    for (history, awaits) in [
        (vec![initiated()], false),
        (asked(), true),
        (with(asked(), &[action_required()]), true),
        (with(asked(), &[expired()]), false),
        (declined(), false),
        (holding(), false),
        (with(holding(), &[capture_requested(1, 400)]), true),
        (partly_paid(), false),
        (with(holding(), &[void_requested(1_000)]), true),
        (given_back(), false),
        (with(paid(), &[refund_requested(1, 1)]), true),
        (partly_refunded(), false),
    ] {
        payment(history.clone()).then_state(|state| {
            assert_eq!(state.ledger().unwrap().awaits_provider(), awaits, "{history:?}");
        });
    }
}

#[test]
fn nothing_happens_to_a_payment_that_is_not_there() {
    for command in any_but_initiate() {
        payment([]).when(command).then_error(illegal("absent", &["initiate"]));
    }
}

#[test]
fn an_illegal_transition_reads_as_a_sentence() {
    assert_eq!(
        illegal("authorized", OF_ASKED).to_string(),
        "the payment is authorized; it would accept request_void, expire"
    );
}

#[test]
fn what_cannot_follow_is_folded_without_harm() {
    let strays = [
        captured(1, "ch_1", 5),
        failed(of_capture(1), None),
        failed(Operation::Void, None),
        refund_succeeded(1, "rf_1", 5),
        refund_failed(1, None),
        refunded(5),
    ];
    payment(strays.clone()).then_state(|state| assert_eq!((state, state.exists()), (&State::Absent, false)));
    payment(with(holding(), &strays)).then_state(|state| {
        assert_eq!((state.status(), state.ledger().unwrap().captured()), ("authorized", gbp(0)));
    });
}

#[test]
fn a_payment_weighs_what_its_ledger_does() {
    let weight = |history: Vec<Event>| Payment::weight(&given::<Payment>(history).into_state());
    assert_eq!(weight(vec![]), size_of::<State>());
    let bare = size_of::<State>() + size_of::<Ledger>() + "cardtok_oksimulated".len();
    assert_eq!(weight(asked()), bare);
    assert_eq!(weight(holding()), bare + 4);
    assert_eq!(weight(with(asked(), &[action_required()])), bare + 4 + url().as_str().len());
    let one_capture = size_of::<Capture>() + size_of::<ProviderReference>() + 4;
    assert_eq!(weight(paid()), bare + 4 + one_capture);
    let one_refund = size_of::<Refund>() + size_of::<ProviderReference>() + 4;
    assert_eq!(weight(partly_refunded()), bare + 4 + one_capture + one_refund);
    let (order_id, reason) = (order_id(), FailureCode::new("fraudulent").unwrap());
    let disputed = Disputed { order_id, dispute_id: reference("dp_1"), amount: gbp(1), reason };
    let one_dispute = size_of::<Dispute>() + "dp_1".len();
    assert_eq!(weight(with(paid(), &[Event::Disputed(disputed)])), bare + 4 + one_capture + one_dispute);
}

#[test]
fn every_refusal_has_a_code() {
    let all = [
        (illegal("initiated", &[]), "illegal_transition"),
        (Error::AmountNotPositive { amount: gbp(0) }, "amount_not_positive"),
        (Error::CurrencyMismatch { expected: Currency::GBP, found: Currency::EUR }, "currency_mismatch"),
        (exceeds(2, 1), "amount_exceeds_remaining"),
        (Error::ReferenceDiffers { known: reference("a"), found: reference("b") }, "provider_reference_differs"),
        (Error::CaptureNotFound { capture_id: capture_id(1) }, "capture_not_found"),
        (Error::TooManyCaptures { max: 1 }, "too_many_captures"),
        (Error::NothingToVoid { state: "authorized", allowed: vec![] }, "nothing_to_void"),
        (Error::RefundNotFound { refund_id: refund_id(1) }, "refund_not_found"),
        (Error::TooManyRefunds { max: 1 }, "too_many_refunds"),
    ];
    for (error, code) in all {
        assert_eq!(error.code(), code);
    }
}
