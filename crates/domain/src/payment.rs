//! A payment: a ledger of what was asked of a provider and what it answered. One stream a payment.
//!
//! `initiated -> action_required -> authorized -> partially_captured -> completed`, and from before the capture
//! `-> failed | voided | expired`. P3: every call to a provider is preceded by its *requested* event.

mod events;
mod state;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::{
    events::{
        ActionRequired, AuthorizationRequested, Authorized, CaptureRequested, Captured, Completed, Event, Expired,
        Failed, Initiated, Operation, VoidRequested, Voided,
    },
    state::{Ledger, Phase, State},
};
use crate::{
    aggregate::{Aggregate, listed},
    ids::{OrderId, Reason, ShipmentId, Text},
    money::{Currency, Money},
};

/// A name or an id that a provider gave, or that names one.
pub type ProviderText = Text<255>;

/// Of a URL that a payer is sent to.
const URL_BYTES_MAX: usize = 2_048;

/// The aggregate.
#[derive(Debug)]
pub struct Payment;

/// What stands for the payer's card or account. P8: a card number is refused, so that none is ever stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PaymentToken(ProviderText);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("a payment token is 1 to 255 characters")]
    Text,
    #[error("this looks like a card number: send the provider's token for it")]
    CardNumber,
}

impl PaymentToken {
    pub fn new(text: &str) -> Result<Self, TokenError> {
        if is_card_number(text) {
            return Err(TokenError::CardNumber);
        }
        ProviderText::new(text).map(Self).map_err(|_| TokenError::Text)
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for PaymentToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::new(text)
    }
}

impl fmt::Display for PaymentToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de> Deserialize<'de> for PaymentToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(crate::ids::ParseText(std::marker::PhantomData))
    }
}

/// 12 to 19 digits that pass Luhn's check, however they are spaced.
fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|char| !matches!(char, ' ' | '-')).map_while(|c| c.to_digit(10)).collect();
    let only_digits = text.chars().all(|char| char.is_ascii_digit() || matches!(char, ' ' | '-'));
    let luhn = |(index, digit): (usize, &u32)| match (index % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled) if doubled > 9 => doubled - 9,
        (_, doubled) => doubled,
    };
    only_digits && (12..=19).contains(&digits.len()) && digits.iter().rev().enumerate().map(luhn).sum::<u32>() % 10 == 0
}

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Initiate { order_id: OrderId, amount: Money, provider: ProviderText, method: ProviderText, token: PaymentToken },
    RequestAuthorization { deadline: DateTime<Utc> },
    RecordActionRequired { provider_reference: ProviderText, action_url: String },
    RecordAuthorized { provider_reference: ProviderText, amount: Money, expires_at: DateTime<Utc> },
    RecordFailed { operation: Operation, code: ProviderText, operation_id: Option<ProviderText>, amount: Money },
    RequestCapture { amount: Money, shipment_id: Option<ShipmentId> },
    RecordCaptured { operation_id: ProviderText, amount: Money },
    RequestVoid { reason: Reason },
    RecordVoided { operation_id: ProviderText },
    Expire,
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("the payment is {state}; it would accept {}", listed(allowed))]
    IllegalTransition { state: &'static str, allowed: &'static [&'static str] },
    #[error("the payment is in {expected}, and the amount in {found}")]
    CurrencyMismatch { expected: Currency, found: Currency },
    #[error("{requested} is more than the {left} that is left")]
    AmountTooLarge { requested: Money, left: Money },
    #[error("an amount is above zero")]
    AmountNotPositive,
    #[error("a URL of at most {URL_BYTES_MAX} bytes that begins with https:// is needed")]
    ActionUrl,
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::AmountTooLarge { .. } => "amount_too_large",
            Self::AmountNotPositive => "amount_not_positive",
            Self::ActionUrl => "invalid_action_url",
        }
    }
}

impl Aggregate for Payment {
    const CATEGORY: &'static str = "payment";

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::Absent
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        let ledger = match (state, command) {
            (State::Absent, Command::Initiate { order_id, amount, provider, method, token }) => {
                require_positive(amount)?;
                return Ok(vec![Event::Initiated(Initiated { order_id, amount, provider, method, token })]);
            }
            (State::Absent, _) => return Err(illegal("absent", &["initiate"])),
            (State::Present(ledger), command) => (ledger, command),
        };
        match ledger {
            (ledger, Command::Initiate { order_id, amount, .. }) => initiate_again(ledger, order_id, amount),
            (ledger, Command::RequestAuthorization { deadline }) => Ok(request_authorization(ledger, deadline)),
            (ledger, Command::RecordActionRequired { provider_reference, action_url }) => {
                record_action_required(ledger, provider_reference, action_url)
            }
            (ledger, Command::RecordAuthorized { provider_reference, amount, expires_at }) => {
                record_authorized(ledger, Authorized { provider_reference, amount, expires_at })
            }
            (ledger, Command::RecordFailed { operation, code, operation_id, amount }) => {
                record_failed(ledger, Failed { operation, code, operation_id, amount })
            }
            (ledger, Command::RequestCapture { amount, shipment_id }) => request_capture(ledger, amount, shipment_id),
            (ledger, Command::RecordCaptured { operation_id, amount }) => {
                record_captured(ledger, Captured { operation_id, amount })
            }
            (ledger, Command::RequestVoid { reason }) => request_void(ledger, reason),
            (ledger, Command::RecordVoided { operation_id }) => Ok(record_voided(ledger, operation_id)),
            (ledger, Command::Expire) => expire(ledger),
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Initiated(initiated) => State::Present(Box::new(Ledger::of(initiated))),
            event => state.map(|ledger| ledger.apply(event)),
        }
    }

    fn weight(_: &State) -> usize {
        // A handful of short texts; a payment has few operations.
        size_of::<State>() + 512
    }
}

fn illegal(state: &'static str, allowed: &'static [&'static str]) -> Error {
    Error::IllegalTransition { state, allowed }
}

fn require_positive(amount: Money) -> Result<(), Error> {
    if amount.amount() > 0 { Ok(()) } else { Err(Error::AmountNotPositive) }
}

/// P5: one currency.
fn require_currency(ledger: &Ledger, amount: Money) -> Result<(), Error> {
    if amount.currency() == ledger.currency() {
        return Ok(());
    }
    Err(Error::CurrencyMismatch { expected: ledger.currency(), found: amount.currency() })
}

fn initiate_again(ledger: &Ledger, order_id: OrderId, amount: Money) -> Result<Vec<Event>, Error> {
    if ledger.order_id == order_id && ledger.amount == amount {
        return Ok(vec![]);
    }
    Err(illegal(ledger.status(), &[]))
}

/// Asked once. A payment that is to be voided, or has come to an end, asks for nothing any more.
fn request_authorization(ledger: &Ledger, deadline: DateTime<Utc>) -> Vec<Event> {
    let due = ledger.phase == Phase::Initiated && ledger.authorization_deadline.is_none() && !ledger.void_requested;
    let requested = Event::AuthorizationRequested(AuthorizationRequested { amount: ledger.amount, deadline });
    due.then_some(requested).into_iter().collect()
}

fn record_action_required(
    ledger: &Ledger,
    provider_reference: ProviderText,
    action_url: String,
) -> Result<Vec<Event>, Error> {
    if action_url.len() > URL_BYTES_MAX || !action_url.starts_with("https://") {
        return Err(Error::ActionUrl);
    }
    match ledger.phase {
        Phase::Initiated => Ok(vec![Event::ActionRequired(ActionRequired { provider_reference, action_url })]),
        // Told twice, or late: what came after it counts.
        _ => Ok(vec![]),
    }
}

/// P4: keyed by the provider's id. Money that is authorised after the payment came to an end is let go at once.
fn record_authorized(ledger: &Ledger, authorized: Authorized) -> Result<Vec<Event>, Error> {
    require_currency(ledger, authorized.amount)?;
    if ledger.knows_operation(&authorized.provider_reference) || ledger.phase == Phase::Authorized {
        return Ok(vec![]);
    }
    let late = ledger.is_settled() || ledger.void_requested;
    let mut events = vec![Event::Authorized(authorized)];
    if late {
        let reason = Reason::new("authorised after the payment had ended").expect("a short text");
        events.push(Event::VoidRequested(VoidRequested { reason }));
    }
    Ok(events)
}

/// P4: a failure told twice is no news; one told after a success is recorded and changes nothing.
fn record_failed(ledger: &Ledger, failed: Failed) -> Result<Vec<Event>, Error> {
    require_currency(ledger, failed.amount)?;
    let known = failed.operation_id.as_ref().is_some_and(|id| ledger.knows_operation(id));
    let nothing_left = match failed.operation {
        Operation::Authorization => ledger.is_settled(),
        Operation::Capture => ledger.capture_pending.amount() == 0,
        Operation::Void => ledger.phase == Phase::Voided,
    };
    if known || nothing_left {
        return Ok(vec![]);
    }
    if failed.operation == Operation::Capture && failed.amount.amount() > ledger.capture_pending.amount() {
        return Err(Error::AmountTooLarge { requested: failed.amount, left: ledger.capture_pending });
    }
    Ok(vec![Event::Failed(failed)])
}

/// P1: captured and asked for together stay within what is authorised. P6: nothing is captured once a void was asked for.
fn request_capture(ledger: &Ledger, amount: Money, shipment_id: Option<ShipmentId>) -> Result<Vec<Event>, Error> {
    if shipment_id.is_some_and(|shipment_id| ledger.has_capture_for(shipment_id)) {
        return Ok(vec![]);
    }
    require_currency(ledger, amount)?;
    require_positive(amount)?;
    if !ledger.covers_shipping() {
        let state = if ledger.void_requested { "void_requested" } else { ledger.status() };
        return Err(illegal(state, &[]));
    }
    let left = ledger.capturable();
    if amount.amount() > left.amount() {
        return Err(Error::AmountTooLarge { requested: amount, left });
    }
    Ok(vec![Event::CaptureRequested(CaptureRequested { amount, shipment_id })])
}

fn record_captured(ledger: &Ledger, captured: Captured) -> Result<Vec<Event>, Error> {
    require_currency(ledger, captured.amount)?;
    require_positive(captured.amount)?;
    if ledger.knows_operation(&captured.operation_id) {
        return Ok(vec![]);
    }
    if captured.amount.amount() > ledger.capture_pending.amount() {
        return Err(Error::AmountTooLarge { requested: captured.amount, left: ledger.capture_pending });
    }
    let in_full = ledger.captured.saturating_add(captured.amount) == ledger.authorized;
    let mut events = vec![Event::Captured(captured)];
    if in_full {
        events.push(Event::Completed(Completed { amount: ledger.authorized }));
    }
    Ok(events)
}

/// A void takes what is not captured; what is captured in full can only be refunded.
fn request_void(ledger: &Ledger, reason: Reason) -> Result<Vec<Event>, Error> {
    if ledger.is_settled() || ledger.void_requested {
        return Ok(vec![]);
    }
    if ledger.phase == Phase::Authorized && ledger.capturable().amount() == 0 {
        return Err(illegal(ledger.status(), &["refund"]));
    }
    Ok(vec![Event::VoidRequested(VoidRequested { reason })])
}

fn record_voided(ledger: &Ledger, operation_id: ProviderText) -> Vec<Event> {
    let known = ledger.knows_operation(&operation_id) || ledger.phase == Phase::Voided;
    if known { vec![] } else { vec![Event::Voided(Voided { operation_id })] }
}

/// The provider has let go of the money by itself, or the payer never came back.
fn expire(ledger: &Ledger) -> Result<Vec<Event>, Error> {
    if ledger.is_settled() {
        return Ok(vec![]);
    }
    if ledger.captured.amount() > 0 || ledger.capture_pending.amount() > 0 {
        return Err(illegal(ledger.status(), &["capture", "void"]));
    }
    Ok(vec![Event::Expired(Expired {})])
}

#[cfg(test)]
mod tests;
