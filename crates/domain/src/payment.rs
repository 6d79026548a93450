//! A payment: a ledger of what was asked of a provider and what came of it, with a label over it. One stream a payment.
//!
//! Events come in pairs, request before result. Knows no gateway: whoever follows the requests calls it and records
//! the results, as often as they come (P4), in whatever order, and however late.

mod axis;
mod dispute;
mod events;
mod reconciliation;
mod refund;
mod state;
mod token;

use chrono::{DateTime, Utc};

pub use self::{
    axis::order_axis,
    dispute::{DISPUTES_MAX, Dispute, DisputeOutcome},
    events::{
        ActionRequired, ActionUrl, AuthorizationRequested, Authorized, CaptureRequested, Captured, ChargedBack,
        Completed, DiscrepancyFound, DisputeWon, Disputed, Event, Expired, Failed, FailureCode, Initiated, Method,
        Operation, Provider, ProviderReference, Reconciled, RefundFailed, RefundRequested, RefundSucceeded, Refunded,
        VoidRequested, Voided,
    },
    reconciliation::{Figures, Finding},
    refund::{REFUNDS_MAX, Refund, is_demanded},
    state::{Authorization, Capture, Failure, Ledger, Outcome, State, Void},
    token::{PaymentToken, TokenError},
};
use crate::{
    aggregate::{Aggregate, fold, listed},
    ids::{CaptureId, OrderId, Reason, RefundId, ShipmentId},
    money::{Currency, Money},
};

/// Captures of one payment: one a parcel, and room for those by hand.
pub const CAPTURES_MAX: usize = 1_000;

/// The aggregate.
#[derive(Debug)]
pub struct Payment;

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Initiate {
        order_id: OrderId,
        amount: Money,
        method: Method,
        token: PaymentToken,
        provider: Provider,
    },
    RequestAuthorization {
        deadline: DateTime<Utc>,
    },
    RecordActionRequired {
        provider_reference: ProviderReference,
        action_url: ActionUrl,
    },
    RecordAuthorized {
        provider_reference: ProviderReference,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    /// Without the provider's id of the operation, a late failure cannot be told from a repeat, and is left out.
    RecordFailed {
        operation: Operation,
        operation_id: Option<ProviderReference>,
        code: FailureCode,
        detail: Option<Reason>,
    },
    /// `capture_id` is ours: of a shipment it is [`CaptureId::of_shipment`].
    RequestCapture {
        capture_id: CaptureId,
        amount: Money,
        for_shipment: Option<ShipmentId>,
    },
    RecordCaptured {
        capture_id: CaptureId,
        operation_id: ProviderReference,
        amount: Money,
    },
    RequestVoid {
        reason: Reason,
    },
    RecordVoided {
        operation_id: Option<ProviderReference>,
    },
    Expire,
    /// What the provider tells of a dispute, by its own id of it.
    RecordDispute {
        dispute_id: ProviderReference,
        amount: Money,
        reason: FailureCode,
        outcome: DisputeOutcome,
    },
    /// The provider's figures; `None` where it knows no such payment. `difference` is what differs besides them.
    Reconcile {
        theirs: Option<Figures>,
        difference: Option<Reason>,
        /// Whether it is put on record that both agree.
        attest: bool,
    },
    /// `refund_id` is ours.
    RequestRefund {
        refund_id: RefundId,
        amount: Money,
        reason: Option<Reason>,
    },
    RecordRefunded {
        refund_id: RefundId,
        operation_id: ProviderReference,
        amount: Money,
    },
    /// Without the provider's id of the operation, a late failure cannot be told from a repeat, and is left out.
    RecordRefundFailed {
        refund_id: RefundId,
        operation_id: Option<ProviderReference>,
        code: FailureCode,
        detail: Option<Reason>,
    },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("the payment is {state}; it would accept {}", listed(allowed))]
    IllegalTransition { state: &'static str, allowed: Vec<&'static str> },
    #[error("an amount is above zero, not {amount}")]
    AmountNotPositive { amount: Money },
    #[error("the payment is in {expected}, not in {found}")]
    CurrencyMismatch { expected: Currency, found: Currency },
    #[error("{requested} is more than the {remaining} that are left")]
    AmountExceedsRemaining { requested: Money, remaining: Money },
    #[error("the provider knows the payment or operation as {known}, not as {found}")]
    ReferenceDiffers { known: ProviderReference, found: ProviderReference },
    #[error("the payment has no capture {capture_id}")]
    CaptureNotFound { capture_id: CaptureId },
    #[error("a payment has at most {max} captures")]
    TooManyCaptures { max: usize },
    #[error("a payment has at most {max} disputes")]
    TooManyDisputes { max: usize },
    #[error("everything that was authorised is being captured")]
    NothingToVoid { state: &'static str, allowed: Vec<&'static str> },
    #[error("the payment has no refund {refund_id}")]
    RefundNotFound { refund_id: RefundId },
    #[error("a payment has at most {max} refunds")]
    TooManyRefunds { max: usize },
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::AmountExceedsRemaining { .. } => "amount_exceeds_remaining",
            Self::ReferenceDiffers { .. } => "provider_reference_differs",
            Self::CaptureNotFound { .. } => "capture_not_found",
            Self::TooManyCaptures { .. } => "too_many_captures",
            Self::TooManyDisputes { .. } => "too_many_disputes",
            Self::NothingToVoid { .. } => "nothing_to_void",
            Self::RefundNotFound { .. } => "refund_not_found",
            Self::TooManyRefunds { .. } => "too_many_refunds",
        }
    }
}

impl Aggregate for Payment {
    const CATEGORY: &'static str = "payment";
    const STATE_VERSION: i32 = 3;

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::Absent
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Initiate { order_id, amount, method, token, provider } => {
                initiate(state, Initiated { order_id, amount, method, token, provider })
            }
            Command::RequestAuthorization { deadline } => request_authorization(state.opened()?, deadline),
            Command::RecordActionRequired { provider_reference, action_url } => {
                record_action_required(state.opened()?, provider_reference, action_url)
            }
            Command::RecordAuthorized { provider_reference, at, expires_at } => {
                record_authorized(state.opened()?, provider_reference, at, expires_at)
            }
            Command::RecordFailed { operation, operation_id, code, detail } => {
                let ledger = state.opened()?;
                record_failed(ledger, Failed { order_id: ledger.order_id, operation, operation_id, code, detail })
            }
            Command::RequestCapture { capture_id, amount, for_shipment } => {
                request_capture(state.opened()?, capture_id, amount, for_shipment)
            }
            Command::RecordCaptured { capture_id, operation_id, amount } => {
                record_captured(state, capture_id, operation_id, amount)
            }
            Command::RequestVoid { reason } => request_void(state.opened()?, reason),
            Command::RecordVoided { operation_id } => record_voided(state.opened()?, operation_id),
            Command::Expire => Ok(expire(state.opened()?)),
            Command::RecordDispute { dispute_id, amount, reason, outcome } => {
                dispute::record(state, dispute_id, amount, reason, outcome)
            }
            Command::Reconcile { theirs, difference, attest } => {
                reconciliation::reconcile(state.opened()?, theirs, difference, attest)
            }
            Command::RequestRefund { refund_id, amount, reason } => {
                refund::request(state.opened()?, refund_id, amount, reason)
            }
            Command::RecordRefunded { refund_id, operation_id, amount } => {
                refund::record(state, refund_id, operation_id, amount)
            }
            Command::RecordRefundFailed { refund_id, operation_id, code, detail } => {
                let ledger = state.opened()?;
                let order_id = ledger.order_id;
                refund::record_failed(ledger, RefundFailed { order_id, refund_id, operation_id, code, detail })
            }
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Initiated(initiated) => State::Opened(Ledger::of(initiated).into()),
            Event::AuthorizationRequested(requested) => {
                state.map(|ledger| ledger.authorization_deadline = Some(requested.deadline))
            }
            Event::ActionRequired(required) => state.map(|ledger| ledger.require_action(required)),
            Event::Authorized(authorized) => state.map(|ledger| ledger.authorize(authorized)),
            Event::Failed(failed) => state.map(|ledger| ledger.fail(failed)),
            Event::CaptureRequested(requested) => state.map(|ledger| ledger.request_capture(requested)),
            Event::Captured(captured) => state.map(|ledger| ledger.record_capture(captured)),
            Event::Completed(_) => state,
            Event::VoidRequested(requested) => state.map(|ledger| ledger.want_void(requested.amount)),
            Event::Voided(voided) => state.map(|ledger| ledger.record_void(voided)),
            Event::Expired(_) => state.map(|ledger| ledger.expired = true),
            Event::RefundRequested(requested) => state.map(|ledger| ledger.request_refund(requested)),
            Event::RefundSucceeded(succeeded) => state.map(|ledger| ledger.record_refund(succeeded)),
            Event::Refunded(_) => state,
            Event::RefundFailed(failed) => state.map(|ledger| ledger.fail_refund(failed)),
            Event::Disputed(disputed) => state.map(|ledger| ledger.dispute_opened(disputed)),
            Event::ChargedBack(lost) => {
                state.map(|ledger| ledger.dispute_ended(&lost.dispute_id, DisputeOutcome::ChargedBack))
            }
            Event::DisputeWon(won) => state.map(|ledger| ledger.dispute_ended(&won.dispute_id, DisputeOutcome::Won)),
            Event::Reconciled(reconciled) => {
                state.map(|ledger| ledger.finding = Some(Finding::Agrees(reconciled.figures)))
            }
            Event::DiscrepancyFound(found) => state.map(|ledger| ledger.differs(found)),
        }
    }

    fn weight(state: &State) -> usize {
        size_of::<State>() + state.ledger().map_or(0, Ledger::weight)
    }
}

fn initiate(state: &State, initiated: Initiated) -> Result<Vec<Event>, Error> {
    require_positive(initiated.amount)?;
    match state {
        State::Absent => Ok(vec![Event::Initiated(initiated)]),
        State::Opened(ledger) if ledger.is_of(&initiated) => Ok(vec![]),
        State::Opened(ledger) => Err(ledger.illegal()),
    }
}

/// P5.
fn require_same_currency(ledger: &Ledger, amount: Money) -> Result<(), Error> {
    let (expected, found) = (ledger.amount.currency(), amount.currency());
    if expected == found { Ok(()) } else { Err(Error::CurrencyMismatch { expected, found }) }
}

fn require_positive(amount: Money) -> Result<(), Error> {
    if amount.is_positive() { Ok(()) } else { Err(Error::AmountNotPositive { amount }) }
}

fn request_authorization(ledger: &Ledger, deadline: DateTime<Utc>) -> Result<Vec<Event>, Error> {
    if ledger.authorization_deadline.is_some() {
        return Ok(vec![]);
    }
    if ledger.has_ended() {
        return Err(ledger.illegal());
    }
    let (order_id, amount) = (ledger.order_id, ledger.amount);
    Ok(vec![Event::AuthorizationRequested(AuthorizationRequested { order_id, amount, deadline })])
}

/// P3: nothing can come of what was never asked.
fn require_asked(ledger: &Ledger) -> Result<(), Error> {
    if ledger.authorization_deadline.is_some() { Ok(()) } else { Err(ledger.illegal()) }
}

fn require_reference(known: Option<&ProviderReference>, found: &ProviderReference) -> Result<(), Error> {
    match known {
        Some(known) if known != found => Err(Error::ReferenceDiffers { known: known.clone(), found: found.clone() }),
        Some(_) | None => Ok(()),
    }
}

fn record_action_required(
    ledger: &Ledger,
    provider_reference: ProviderReference,
    action_url: ActionUrl,
) -> Result<Vec<Event>, Error> {
    require_asked(ledger)?;
    require_reference(ledger.provider_reference.as_ref(), &provider_reference)?;
    if ledger.status() != "initiated" {
        return Ok(vec![]);
    }
    let order_id = ledger.order_id;
    Ok(vec![Event::ActionRequired(ActionRequired { order_id, provider_reference, action_url })])
}

/// However late: money that is held is a fact, and whoever follows gives it back where nobody wants it any more.
fn record_authorized(
    ledger: &Ledger,
    provider_reference: ProviderReference,
    authorized_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<Vec<Event>, Error> {
    require_asked(ledger)?;
    require_reference(ledger.provider_reference.as_ref(), &provider_reference)?;
    if ledger.authorization.is_some() {
        return Ok(vec![]);
    }
    let (order_id, amount) = (ledger.order_id, ledger.amount);
    let authorized = Authorized { order_id, provider_reference, amount, authorized_at, expires_at };
    Ok(vec![Event::Authorized(authorized)])
}

fn record_failed(ledger: &Ledger, failed: Failed) -> Result<Vec<Event>, Error> {
    require_asked(ledger)?;
    let open = match failed.operation {
        Operation::Authorization => ledger.authorization.is_none() && ledger.failure.is_none() && !ledger.has_ended(),
        Operation::Capture { capture_id } => {
            ledger.capture(capture_id).ok_or(Error::CaptureNotFound { capture_id })?.outcome == Outcome::Pending
        }
        Operation::Void => matches!(ledger.void, Void::Requested(_)),
    };
    let known = failed.operation_id.as_ref().map(|id| ledger.operations.contains(id));
    match (open, known) {
        (_, Some(true)) | (false, None) => Ok(vec![]),
        (true, _) | (false, Some(false)) => Ok(vec![Event::Failed(failed)]),
    }
}

fn request_capture(
    ledger: &Ledger,
    capture_id: CaptureId,
    amount: Money,
    for_shipment: Option<ShipmentId>,
) -> Result<Vec<Event>, Error> {
    let known = ledger.capture(capture_id);
    if known.is_some_and(|capture| capture.outcome != Outcome::Failed) {
        return Ok(vec![]);
    }
    if !ledger.takes_captures() {
        return Err(ledger.illegal());
    }
    if known.is_none() && ledger.captures.len() >= CAPTURES_MAX {
        return Err(Error::TooManyCaptures { max: CAPTURES_MAX });
    }
    require_within(ledger, amount, ledger.uncaptured())?;
    let (order_id, shipment_id) = (ledger.order_id, for_shipment);
    Ok(vec![Event::CaptureRequested(CaptureRequested { order_id, capture_id, amount, shipment_id })])
}

/// P1, P2 and P5: what is left is named.
fn require_within(ledger: &Ledger, amount: Money, remaining: Money) -> Result<(), Error> {
    require_same_currency(ledger, amount)?;
    require_positive(amount)?;
    if amount > remaining {
        return Err(Error::AmountExceedsRemaining { requested: amount, remaining });
    }
    Ok(())
}

/// A capture that was taken for failed may have succeeded after all, as long as nothing else took its place.
fn record_captured(
    state: &State,
    capture_id: CaptureId,
    operation_id: ProviderReference,
    amount: Money,
) -> Result<Vec<Event>, Error> {
    let ledger = state.opened()?;
    let capture = ledger.capture(capture_id).ok_or(Error::CaptureNotFound { capture_id })?;
    let remaining = match &capture.outcome {
        Outcome::Succeeded { operation_id: known, .. } => {
            return require_reference(Some(known), &operation_id).map(|()| vec![]);
        }
        Outcome::Pending => capture.requested,
        Outcome::Failed => capture.requested.at_most(ledger.uncaptured()),
    };
    require_within(ledger, amount, remaining)?;
    let order_id = ledger.order_id;
    let mut events = vec![Event::Captured(Captured { order_id, capture_id, operation_id, amount })];
    if fold::<Payment>(state.clone(), &events).ledger().is_some_and(Ledger::is_captured_in_full) {
        events.push(Event::Completed(Completed { order_id, amount: ledger.amount }));
    }
    Ok(events)
}

/// P6: takes what is neither captured nor being captured. A payment that nobody was asked for is voided at once.
fn request_void(ledger: &Ledger, reason: Reason) -> Result<Vec<Event>, Error> {
    if ledger.is_over() || ledger.is_being_voided() {
        return Ok(vec![]);
    }
    if ledger.is_captured_in_full() {
        return Err(ledger.illegal());
    }
    let order_id = ledger.order_id;
    let amount = ledger.voidable();
    if amount.is_zero() {
        return Err(Error::NothingToVoid { state: ledger.status(), allowed: ledger.allowed() });
    }
    let mut events = vec![Event::VoidRequested(VoidRequested { order_id, amount, reason })];
    if ledger.authorization_deadline.is_none() {
        events.push(Event::Voided(Voided { order_id, amount, operation_id: None }));
    }
    Ok(events)
}

fn record_voided(ledger: &Ledger, operation_id: Option<ProviderReference>) -> Result<Vec<Event>, Error> {
    match ledger.void {
        Void::Requested(amount) => Ok(vec![Event::Voided(Voided { order_id: ledger.order_id, amount, operation_id })]),
        Void::Voided(_) => Ok(vec![]),
        Void::None => Err(ledger.illegal()),
    }
}

/// A deadline that comes after the end changes nothing.
fn expire(ledger: &Ledger) -> Vec<Event> {
    if ledger.is_over() || ledger.is_captured_in_full() {
        return vec![];
    }
    vec![Event::Expired(Expired { order_id: ledger.order_id })]
}

#[cfg(test)]
mod tests;
