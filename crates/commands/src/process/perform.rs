//! Makes one claimed call: from the *requested* event to a request of the gateway, and from its answer to the use case
//! that records it.
//!
//! Nothing is sent twice under two keys, and nothing is sent again before the provider was asked what became of it.

use std::time::Duration;

use domain::aggregate::EventKind;
use domain::ids::{PaymentId, Reason, RefundId};
use domain::money::Money;
use domain::payment::{
    self, CaptureRequested, Event, FailureCode, Ledger, Operation as Failing, Outcome, Payment, RefundRequested, Void,
};
use eventstore::event::{Position, RecordedEvent};
use tokio::time::timeout;

use super::calls::ClaimedCall;
use super::comparing::tell_difference;
use super::{Runnable, runnable};
use crate::executor::Commands;
use crate::gateway::{
    AuthorizeRequest, CALL_DEADLINE_SECONDS, CaptureRequest, GatewayError, Gateways, IdempotencyKey, Operation,
    PaymentGateway, Receipt, RefundRequest, VoidRequest,
};
use crate::payments::record::{
    RecordActionRequired, RecordAuthorization, RecordCapture, RecordFailure, RecordRefund, RecordRefundFailure,
    RecordVoid,
};
use crate::world::{Held, States};

/// How long one request to a provider is waited for. A call that asks before it sends takes two.
const PATIENCE: Duration = Duration::from_secs(CALL_DEADLINE_SECONDS as u64);

/// What became of a call.
#[derive(Debug)]
pub enum Performed {
    /// This is the result, to be recorded.
    Done(Box<dyn Runnable>),
    /// There was nothing to ask for any more.
    Nothing,
    /// It cannot be asked for, or not be recorded, yet.
    AskLater { reason: String },
    /// The provider gave no clear answer: it is not known what became of it.
    Unanswered { reason: String },
}

pub async fn perform(call: &ClaimedCall, commands: &Commands, gateways: &Gateways) -> Performed {
    match commands.events_of(&Payment::stream(call.payment_id)).await {
        Ok(events) => perform_on(call, &events, gateways, PATIENCE).await,
        Err(error) => Performed::AskLater { reason: error.to_string() },
    }
}

/// With the events of the payment's stream.
pub(crate) async fn perform_on(
    call: &ClaimedCall,
    events: &[RecordedEvent],
    gateways: &Gateways,
    patience: Duration,
) -> Performed {
    let states = States::fold(&[Payment::stream(call.payment_id)], events);
    let Some(ledger) = states.get::<Payment>(call.payment_id).and_then(|(state, _)| state.ledger()) else {
        return Performed::AskLater { reason: "the payment cannot be read".to_owned() };
    };
    let Some(gateway) = gateways.get(&ledger.provider) else {
        return Performed::AskLater { reason: format!("there is no gateway to {}", ledger.provider) };
    };
    match requested(call.position, events) {
        Some(event) => carry_out(call, &event, ledger, gateway.as_ref(), patience).await,
        None => Performed::AskLater { reason: "the request cannot be read".to_owned() },
    }
}

fn requested(position: Position, events: &[RecordedEvent]) -> Option<Event> {
    let event = events.iter().find(|event| event.position == position)?;
    Event::from_payload(&event.event_type, event.schema_version, &event.payload).ok()
}

/// What is to be done about a request, as the ledger stands now.
#[derive(Debug)]
enum Step {
    Ask(Operation),
    /// Nobody wants it any more: only what was sent before is asked about.
    Find(Operation),
    Record(Box<dyn Runnable>),
    Wait(&'static str),
    Nothing,
}

fn step(call: &ClaimedCall, requested: &Event, ledger: &Ledger) -> Step {
    match requested {
        Event::AuthorizationRequested(_) => authorize(call, ledger),
        Event::CaptureRequested(requested) => capture(call, requested, ledger),
        Event::VoidRequested(_) => void(call, ledger),
        Event::RefundRequested(requested) => refund(call, requested, ledger),
        _ => Step::Nothing,
    }
}

fn authorize(call: &ClaimedCall, ledger: &Ledger) -> Step {
    if ledger.authorization.is_some() || ledger.failure.is_some() || ledger.action_url.is_some() {
        return Step::Nothing;
    }
    let operation = Operation::Authorize(AuthorizeRequest {
        idempotency_key: idempotency_key(call),
        payment_id: payment_id(call),
        amount: ledger.amount,
        token: ledger.token.clone(),
    });
    if ledger.void_wanted || ledger.expired { Step::Find(operation) } else { Step::Ask(operation) }
}

fn capture(call: &ClaimedCall, requested: &CaptureRequested, ledger: &Ledger) -> Step {
    let is_open = |capture: &payment::Capture| capture.outcome == Outcome::Pending;
    if !ledger.capture(requested.capture_id).is_some_and(is_open) {
        return Step::Nothing;
    }
    let Some(authorization) = ledger.provider_reference.clone() else {
        return Step::Wait("what is to be captured has no reference at the provider");
    };
    Step::Ask(Operation::Capture(CaptureRequest {
        idempotency_key: idempotency_key(call),
        payment_id: payment_id(call),
        capture_id: requested.capture_id,
        amount: requested.amount,
        authorization,
    }))
}

/// What may yet be authorised cannot be given back before that is known.
fn void(call: &ClaimedCall, ledger: &Ledger) -> Step {
    if !matches!(ledger.void, Void::Requested(_)) {
        return Step::Nothing;
    }
    if ledger.capture_pending().is_positive() {
        // Both at once, and a provider might let go of what it is about to take.
        return Step::Wait("a capture of the same payment is under way");
    }
    let is_settled = ledger.authorization.is_some() || ledger.action_url.is_some();
    match ledger.provider_reference.clone().filter(|_| is_settled) {
        Some(authorization) => Step::Ask(Operation::Void(VoidRequest {
            idempotency_key: idempotency_key(call),
            payment_id: payment_id(call),
            authorization,
        })),
        None if ledger.failure.is_some() => {
            Step::Record(runnable(RecordVoid { payment_id: payment_id(call), operation_id: None }))
        }
        None => Step::Wait("the provider has not said yet what became of the authorisation"),
    }
}

fn refund(call: &ClaimedCall, requested: &RefundRequested, ledger: &Ledger) -> Step {
    let is_open = |refund: &payment::Refund| refund.outcome == Outcome::Pending;
    if !ledger.refund(requested.refund_id).is_some_and(is_open) {
        return Step::Nothing;
    }
    let Some(authorization) = ledger.provider_reference.clone() else {
        return Step::Wait("what is to be given back has no reference at the provider");
    };
    Step::Ask(Operation::Refund(RefundRequest {
        idempotency_key: idempotency_key(call),
        payment_id: payment_id(call),
        refund_id: requested.refund_id,
        amount: requested.amount,
        authorization,
    }))
}

fn payment_id(call: &ClaimedCall) -> PaymentId {
    PaymentId::from_uuid(call.payment_id)
}

fn idempotency_key(call: &ClaimedCall) -> IdempotencyKey {
    IdempotencyKey::new(call.idempotency_key.clone(), call.requested_at)
}

async fn carry_out(
    call: &ClaimedCall,
    requested: &Event,
    ledger: &Ledger,
    gateway: &dyn PaymentGateway,
    patience: Duration,
) -> Performed {
    let (operation, may_send) = match step(call, requested, ledger) {
        Step::Ask(operation) => (operation, true),
        Step::Find(operation) => (operation, false),
        Step::Record(result) => return Performed::Done(result),
        Step::Wait(reason) => return Performed::AskLater { reason: reason.to_owned() },
        Step::Nothing => return Performed::Nothing,
    };
    let patient = Patient { gateway, patience };
    #[cfg(feature = "planted-bugs")]
    if let Operation::Refund(request) = &operation
        && eventstore::planted::is("refund-twice")
    {
        let idempotency_key = IdempotencyKey::new(uuid::Uuid::new_v4().to_string(), call.requested_at);
        let again = Operation::Refund(RefundRequest { idempotency_key, ..request.clone() });
        drop(patient.send(&again).await);
    }
    let found = if call.attempts > 1 { patient.find(&operation).await } else { Ok(None) };
    let answer = match found {
        Ok(Some(receipt)) => Ok(receipt),
        Ok(None) if may_send => patient.send(&operation).await,
        Ok(None) => Err(GatewayError::Declined { code: code("withdrawn") }),
        Err(error) => Err(error),
    };
    tracing::info!(payment.id = %call.payment_id, gateway = gateway.name(), operation = operation.label(),
        attempt = call.attempts, succeeded = answer.is_ok(), "called a payment provider");
    if let (Event::RefundRequested(requested), Ok(_)) = (requested, &answer) {
        watch_refund(call, requested, ledger, gateway.name());
    }
    result(call, requested, answer)
}

/// P2, as a bank may break it: it has charged back what was on its way to the buyer.
fn watch_refund(call: &ClaimedCall, refund: &RefundRequested, ledger: &Ledger, provider: &'static str) {
    let gone = [ledger.refunded(), refund.amount, ledger.charged_back()];
    let gone = Money::total(ledger.amount.currency(), gone).expect("none of them is above what was captured");
    if gone > ledger.captured() {
        tell_difference(provider, payment_id(call), &format!("{gone} went back, of {} captured", ledger.captured()));
    }
}

/// A gateway that is not waited for for ever.
struct Patient<'a> {
    gateway: &'a dyn PaymentGateway,
    patience: Duration,
}

impl Patient<'_> {
    async fn find(&self, operation: &Operation) -> Result<Option<Receipt>, GatewayError> {
        self.wait(self.gateway.find(operation)).await
    }

    async fn send(&self, operation: &Operation) -> Result<Receipt, GatewayError> {
        match operation {
            Operation::Authorize(request) => self.wait(self.gateway.authorize(request)).await,
            Operation::Capture(request) => self.wait(self.gateway.capture(request)).await,
            Operation::Void(request) => self.wait(self.gateway.void(request)).await,
            Operation::Refund(request) => self.wait(self.gateway.refund(request)).await,
        }
    }

    async fn wait<T>(&self, answer: impl Future<Output = Result<T, GatewayError>>) -> Result<T, GatewayError> {
        match timeout(self.patience, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(GatewayError::Unknown { reason: "the provider did not answer in time".to_owned() }),
        }
    }
}

/// The provider's answer as what is recorded of it.
fn result(call: &ClaimedCall, requested: &Event, answer: Result<Receipt, GatewayError>) -> Performed {
    let payment_id = payment_id(call);
    let done = match (requested, answer) {
        (_, Err(GatewayError::Unknown { reason })) => return Performed::Unanswered { reason },
        (_, Err(GatewayError::Pending { reason })) => return Performed::AskLater { reason },
        (Event::AuthorizationRequested(_), Ok(receipt)) => {
            runnable(RecordAuthorization { payment_id, provider_reference: receipt.reference })
        }
        (Event::AuthorizationRequested(_), Err(GatewayError::ActionRequired { reference, url })) => {
            runnable(RecordActionRequired { payment_id, provider_reference: reference, action_url: url })
        }
        (Event::AuthorizationRequested(_), Err(error)) => return failed(payment_id, Failing::Authorization, error),
        (Event::CaptureRequested(CaptureRequested { capture_id, amount, .. }), Ok(receipt)) => {
            runnable(RecordCapture {
                payment_id,
                capture_id: *capture_id,
                operation_id: receipt.reference,
                amount: *amount,
            })
        }
        (Event::CaptureRequested(CaptureRequested { capture_id, .. }), Err(error)) => {
            return failed(payment_id, Failing::Capture { capture_id: *capture_id }, error);
        }
        (Event::VoidRequested(_), Ok(receipt)) => {
            runnable(RecordVoid { payment_id, operation_id: Some(receipt.reference) })
        }
        // Money that is still held is not given up on because a request was not taken.
        (Event::VoidRequested(_), Err(GatewayError::Refused { reason })) => return Performed::AskLater { reason },
        (Event::VoidRequested(_), Err(error)) => return failed(payment_id, Failing::Void, error),
        (Event::RefundRequested(RefundRequested { refund_id, amount, .. }), Ok(receipt)) => {
            let (refund_id, amount, operation_id) = (*refund_id, *amount, receipt.reference);
            runnable(RecordRefund { payment_id, refund_id, operation_id, amount })
        }
        (Event::RefundRequested(RefundRequested { refund_id, .. }), Err(error)) => {
            return refund_failed(payment_id, *refund_id, error);
        }
        _ => return Performed::Nothing,
    };
    Performed::Done(done)
}

fn failed(payment_id: PaymentId, operation: Failing, error: GatewayError) -> Performed {
    match definite(error) {
        Ok((code, detail)) => Performed::Done(runnable(RecordFailure { payment_id, operation, code, detail })),
        Err(reason) => Performed::AskLater { reason },
    }
}

/// The money is still ours, and somebody is owed it: whoever runs the shop has to look.
fn refund_failed(payment_id: PaymentId, refund_id: RefundId, error: GatewayError) -> Performed {
    match definite(error) {
        Ok((code, detail)) => {
            tracing::error!(payment.id = %payment_id, refund.id = %refund_id, %code, "a refund failed");
            metrics::counter!("daybook_refunds_failed_total").increment(1);
            Performed::Done(runnable(RecordRefundFailure { payment_id, refund_id, code, detail }))
        }
        Err(reason) => Performed::AskLater { reason },
    }
}

/// A definite no, and what is said besides; or why there is none.
fn definite(error: GatewayError) -> Result<(FailureCode, Option<Reason>), String> {
    match error {
        GatewayError::Declined { code } => Ok((code, None)),
        GatewayError::Refused { reason } => Ok((code("refused"), Reason::new(&reason).ok())),
        // An action makes sense before an authorisation only, and there it was taken for what it is.
        unexpected => Err(unexpected.to_string()),
    }
}

fn code(word: &'static str) -> FailureCode {
    FailureCode::new(word).expect("a short word is a code")
}

#[cfg(test)]
mod tests;
