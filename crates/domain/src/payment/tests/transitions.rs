//! A refusal names the state and what is allowed in it.

use super::{
    dispute::{charged_back, dispute, dispute_won, disputed},
    *,
};
use crate::spec::transitions::{Said, Transitions, kinds};

kinds!(Command {
    Initiate = Some("initiate"),
    RequestAuthorization = Some("request_authorization"),
    RequestCapture = Some("request_capture"),
    RequestVoid = Some("request_void"),
    RequestRefund = Some("request_refund"),
    Expire = Some("expire"),
    // What the provider tells.
    RecordActionRequired = None,
    RecordAuthorized = None,
    RecordFailed = None,
    RecordCaptured = None,
    RecordVoided = None,
    RecordDispute = None,
    RecordRefunded = None,
    RecordRefundFailed = None,
    Reconcile = None,
});

fn said(error: &Error) -> Option<Said> {
    match error {
        Error::IllegalTransition { state, allowed } | Error::NothingToVoid { state, allowed } => {
            Some((state, allowed.clone()))
        }
        _ => None,
    }
}

/// Every command, with amounts that any payment has which has anything.
fn commands() -> Vec<Command> {
    let operations = [Operation::Authorization, Operation::Void, of_capture(1), of_capture(2)];
    [
        any_but_initiate(),
        vec![initiate(facts()), initiate(Initiated { amount: gbp(1), ..facts() })],
        operations.into_iter().map(|operation| fail(operation, Some("ch_9"))).collect(),
        vec![request_capture(2, 1), request_capture(9, 1), request_capture(9, 0), request_capture(9, 1_000)],
        vec![request_refund(2, 1), request_refund(9, 1), request_refund(9, 0), request_refund(9, 1_000)],
        vec![record_captured(1, "ch_9", 1), record_voided(Some("re_9")), record_refunded(1, "rf_9", 1)],
        vec![dispute("dp_1", 1, DisputeOutcome::Open), dispute("dp_1", 1, DisputeOutcome::Won)],
        vec![dispute("dp_1", 1, DisputeOutcome::ChargedBack)],
        vec![Command::Reconcile { theirs: None, difference: None, attest: true }],
    ]
    .concat()
}

/// Before anything is taken.
fn untaken() -> Vec<(&'static str, Vec<Event>)> {
    let acting = || with(asked(), &[action_required()]);
    let capture_failed = || with(holding(), &[capture_requested(1, 400), failed(of_capture(1), None)]);
    let void_failed = [void_requested(1_000), failed(Operation::Void, Some("re_0"))];
    vec![
        ("absent", vec![]),
        ("initiated", vec![initiated()]),
        ("voided", vec![initiated(), void_requested(1_000), voided(1_000, None)]),
        ("expired", vec![initiated(), expired()]),
        ("initiated", asked()),
        ("initiated", with(asked(), &[void_requested(1_000)])),
        ("initiated", with(asked(), &void_failed)),
        ("failed", with(asked(), &[void_requested(1_000), failed(Operation::Authorization, None)])),
        ("expired", with(asked(), &[void_requested(1_000), expired()])),
        ("action_required", acting()),
        ("action_required", with(acting(), &[void_requested(1_000)])),
        ("voided", with(acting(), &[void_requested(1_000), voided(1_000, None)])),
        ("expired", with(acting(), &[expired()])),
        ("failed", declined()),
        ("authorized", with(declined(), &[authorized()])),
        ("authorized", holding()),
        ("authorized", with(holding(), &[capture_requested(1, 400)])),
        ("authorized", with(holding(), &[capture_requested(1, 1_000)])),
        ("failed", capture_failed()),
        ("failed", with(capture_failed(), &[void_requested(1_000)])),
        ("voided", with(capture_failed(), &[void_requested(1_000), voided(1_000, None)])),
        ("authorized", with(capture_failed(), &[capture_requested(2, 1_000)])),
        ("authorized", with(holding(), &[void_requested(1_000)])),
        ("authorized", with(holding(), &void_failed)),
        ("authorized", with(asked(), &[void_requested(1_000), voided(1_000, None), authorized()])),
        ("authorized", with(holding(), &[capture_requested(1, 400), void_requested(600)])),
        ("voided", given_back()),
        ("expired", lapsed()),
        ("authorized", with(asked(), &[expired(), authorized()])),
    ]
}

/// After something is taken.
fn taken() -> Vec<(&'static str, Vec<Event>)> {
    let open = |history: Vec<Event>, amount| with(history, &[disputed("dp_1", amount)]);
    let lost = |history, amount| with(open(history, amount), &[charged_back("dp_1", amount)]);
    let given_back = [refund_requested(1, 400), refund_succeeded(1, "rf_1", 400), refunded(400)];
    vec![
        ("partially_captured", partly_paid()),
        ("partially_captured", with(partly_paid(), &[capture_requested(2, 500)])),
        ("partially_captured", with(partly_paid(), &[capture_requested(2, 600)])),
        ("partially_captured", with(partly_paid(), &[capture_requested(2, 600), failed(of_capture(2), None)])),
        ("partially_captured", with(partly_paid(), &[void_requested(600)])),
        ("partially_captured", with(partly_paid(), &[void_requested(600), voided(600, None)])),
        ("partially_captured", with(partly_paid(), &[expired()])),
        ("partially_captured", with(partly_paid(), &[refund_requested(1, 400)])),
        ("refunded", with(partly_paid(), &given_back)),
        ("refunded", with(partly_paid(), &[given_back.to_vec(), vec![void_requested(600)]].concat())),
        ("completed", paid()),
        ("completed", with(paid(), &[refund_requested(1, 300)])),
        ("completed", with(paid(), &[refund_requested(1, 1_000)])),
        ("completed", with(paid(), &[refund_requested(1, 1_000), refund_failed(1, None)])),
        ("partially_refunded", partly_refunded()),
        ("partially_refunded", with(partly_refunded(), &[refund_requested(2, 700)])),
        ("refunded", wholly_refunded()),
        ("disputed", open(paid(), 1_000)),
        ("disputed", open(partly_paid(), 400)),
        ("dispute_won", with(open(paid(), 1_000), &[dispute_won("dp_1")])),
        ("charged_back", lost(paid(), 400)),
        ("charged_back", lost(paid(), 1_000)),
        ("charged_back", lost(partly_paid(), 400)),
        ("charged_back", lost(partly_refunded(), 1_000)),
    ]
}

#[test]
fn a_refusal_names_the_state_and_what_it_takes() {
    let transitions = Transitions::<Payment> {
        kinds: KINDS,
        kind,
        status: State::status,
        truth: |state, _| (state.status(), state.illegal()),
        said,
    };
    transitions.check(&[untaken(), taken()].concat(), &commands());
}
