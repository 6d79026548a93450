//! An order: what was bought, at what price, and what became of it. One stream an order.
//!
//! `pending -> confirmed -> processing -> shipped -> delivered`, or to `failed` or `cancelled` on the way; an order of an
//! earlier system is `imported`, and stays so. Knows neither stock nor payments: whoever
//! ships says whether the payment covers it, and moves the stock in the same append.

mod allowed;
mod coverage;
mod create;
mod due;
mod events;
mod imported;
mod refund;
mod returns;
mod state;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use self::due::{due, due_for_parcel};
pub use self::{
    create::{Create, NewLine},
    events::{
        AddressCorrected, Cancelled, Carrier, Completed, Confirmed, CoverageChanged, Created, CreatedLine, Event,
        Failed, Failure, Held, LineUnits, LinesCancelled, PaymentRetried, ReceivedUnits, RefundGranted, RefundPart,
        Released, ReturnApproved, ReturnReceived, ReturnRejected, ReturnRequested, ShipmentCreated, ShipmentDelivered,
        ShipmentDispatched, Tracking,
    },
    imported::{
        IMPORTED_REFUNDS_MAX, Import, ImportRefund, Imported, ImportedOrder, ImportedRefund, LineRefund, Reference,
        Source,
    },
    refund::{GrantRefund, REFUNDS_MAX},
    returns::{Progress, RETURN_DAYS, RETURNS_MAX, Return},
    state::{Contents, Dispatch, Line, Shipment, State, Totals},
};
use crate::{
    aggregate::{Aggregate, listed},
    country::Country,
    ids::{LineId, Location, PaymentId, Quantity, Reason, ReturnId, ShipmentId, Sku},
    money::{self, Currency, Money},
    sealed::Sealed,
};

/// As many as a cart has.
pub const LINES_MAX: usize = crate::cart::LINES_MAX;

/// Parcels of one order. Far above what anyone sends, and a bound on what its state holds.
pub const SHIPMENTS_MAX: usize = 500;

/// Tries to pay for one order. Nobody has as many cards; who tries stolen ones has.
pub const PAYMENTS_MAX: usize = 20;

/// The aggregate.
#[derive(Debug)]
pub struct Order;

#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Create(Box<Create>),
    Confirm {
        payment_id: PaymentId,
        at: DateTime<Utc>,
    },
    /// O6: `payment_covers` says that the payment is authorised or captured. No lines: everything that is unsent.
    DispatchShipment {
        shipment_id: ShipmentId,
        lines: Option<Vec<LineUnits>>,
        carrier: Carrier,
        tracking: Tracking,
        /// The one location that it leaves, where that is another than `main`.
        location: Option<Location>,
        payment_covers: bool,
        at: DateTime<Utc>,
    },
    DeliverShipment {
        shipment_id: ShipmentId,
        delivered_at: DateTime<Utc>,
    },
    Hold {
        reason: Reason,
    },
    Release,
    Cancel {
        reason: Reason,
    },
    CancelLines {
        lines: Vec<LineUnits>,
        reason: Reason,
    },
    Fail {
        reason: Failure,
    },
    /// Records an order of an earlier system.
    Import(Box<Import>),
    /// Records what was given back of it there.
    ImportRefund(ImportRefund),
    GrantRefund(GrantRefund),
    /// O7: within [`RETURN_DAYS`] after delivery.
    RequestReturn {
        return_id: ReturnId,
        lines: Vec<LineUnits>,
        reason: Reason,
        at: DateTime<Utc>,
    },
    ApproveReturn {
        return_id: ReturnId,
        at: DateTime<Utc>,
    },
    RejectReturn {
        return_id: ReturnId,
        reason: Option<Reason>,
        at: DateTime<Utc>,
    },
    ReceiveReturn {
        return_id: ReturnId,
        lines: Vec<ReceivedUnits>,
        at: DateTime<Utc>,
    },
    /// Until everything is shipped.
    CorrectAddress {
        shipping_address: Sealed,
        country: Option<Country>,
    },
    /// N1: of these SKUs, units that were promised to it are still to come; of the others everything is there.
    NoteCoverage {
        awaited: BTreeSet<Sku>,
    },
    /// Another payment is opened for it, while it is pending.
    RetryPayment {
        payment_id: PaymentId,
    },
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("the order is {state}; it would accept {}", listed(allowed))]
    IllegalTransition { state: &'static str, allowed: Vec<&'static str> },
    #[error("an order has at least one line")]
    EmptyOrder,
    #[error("an order has at most {max} lines")]
    TooManyLines { max: usize },
    #[error("an order has at most {max} shipments")]
    TooManyShipments { max: usize },
    #[error("the line {line_id} is there twice")]
    DuplicateLine { line_id: LineId },
    #[error("an order has 1 to {max} units of one product, and {sku} would have {found}")]
    QuantityOutOfRange { sku: Sku, found: i64, max: i64 },
    #[error("the order is in {expected}, and an amount of it in {found}")]
    CurrencyMismatch { expected: Currency, found: Currency },
    #[error("the total does not fit")]
    AmountTooLarge,
    #[error("{amount} would be below zero")]
    NegativeAmount { amount: Money },
    #[error("an amount is above zero, not {amount}")]
    AmountNotPositive { amount: Money },
    #[error("an order has at most {max} refunds")]
    TooManyRefunds { max: usize },
    #[error("an order is paid for in at most {max} tries")]
    TooManyPayments { max: usize },
    #[error("the return is {state}; it would accept {}", listed(allowed))]
    IllegalReturn { state: &'static str, allowed: Vec<&'static str> },
    #[error("the order has no return {return_id}")]
    ReturnNotFound { return_id: ReturnId },
    #[error(
        "{requested} of {sku} were asked for, and {remaining} are left that came within the last {RETURN_DAYS} days"
    )]
    ReturnWindowClosed { sku: Sku, requested: i64, remaining: i64 },
    #[error("an order has at most {max} returns")]
    TooManyReturns { max: usize },
    #[error("no line is named")]
    NoLines,
    #[error("the order has no line {line}")]
    LineNotFound { line: String },
    #[error("{requested} of {sku} were asked for, and {remaining} are left")]
    TooManyUnits { sku: Sku, requested: i64, remaining: i64 },
    #[error("the order has no shipment {shipment_id}")]
    ShipmentNotFound { shipment_id: ShipmentId },
    #[error("the order is on hold: {reason}")]
    OnHold { reason: Reason, allowed: Vec<&'static str> },
    #[error("no payment is authorised or captured for the order")]
    PaymentNotAuthorized { allowed: Vec<&'static str> },
    #[error("{reference} was imported before, with other contents")]
    ImportDiffers { reference: Reference },
    #[error("{requested} were to be given back for {sku}, and {remaining} are left of what was charged")]
    RefundTooLarge { sku: Sku, requested: Money, remaining: Money },
}

impl Error {
    pub fn code(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::EmptyOrder => "empty_order",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::TooManyShipments { .. } => "too_many_shipments",
            Self::DuplicateLine { .. } => "duplicate_line",
            Self::QuantityOutOfRange { .. } => "quantity_out_of_range",
            Self::CurrencyMismatch { .. } => "currency_mismatch",
            Self::AmountTooLarge => "amount_too_large",
            Self::NegativeAmount { .. } => "negative_amount",
            Self::AmountNotPositive { .. } => "amount_not_positive",
            Self::TooManyRefunds { .. } => "too_many_refunds",
            Self::TooManyPayments { .. } => "too_many_payments",
            Self::IllegalReturn { .. } => "illegal_transition",
            Self::ReturnNotFound { .. } => "return_not_found",
            Self::ReturnWindowClosed { .. } => "return_window_closed",
            Self::TooManyReturns { .. } => "too_many_returns",
            Self::NoLines => "no_lines",
            Self::LineNotFound { .. } => "line_not_found",
            Self::TooManyUnits { .. } => "quantity_exceeds_remaining",
            Self::ShipmentNotFound { .. } => "shipment_not_found",
            Self::OnHold { .. } => "order_on_hold",
            Self::PaymentNotAuthorized { .. } => "payment_not_authorized",
            Self::ImportDiffers { .. } => "import_differs",
            Self::RefundTooLarge { .. } => "amount_exceeds_remaining",
        }
    }
}

impl Aggregate for Order {
    const CATEGORY: &'static str = "order";
    const STATE_VERSION: i32 = 5;

    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    fn initial() -> State {
        State::Absent
    }

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Create(order) => create(state, *order),
            Command::Confirm { payment_id, at } => match state {
                State::Pending(_) => Ok(vec![Event::Confirmed(Confirmed { payment_id, confirmed_at: at })]),
                State::Confirmed(_) => Ok(vec![]),
                State::Absent | State::Cancelled(..) | State::Failed(..) | State::Imported(_) => Err(state.illegal()),
            },
            Command::DispatchShipment { shipment_id, lines, carrier, tracking, location, payment_covers, at } => {
                let parcel = Parcel { shipment_id, carrier, tracking, location, at };
                dispatch(state, parcel, lines, payment_covers)
            }
            Command::DeliverShipment { shipment_id, delivered_at } => deliver(state, shipment_id, delivered_at),
            Command::Hold { reason } => hold(state, reason),
            Command::Release => release(state),
            Command::Cancel { reason } => match state {
                State::Cancelled(..) => Ok(vec![]),
                // O4: the whole order, while nothing is shipped.
                State::Pending(contents) | State::Confirmed(contents) if contents.shipments.is_empty() => {
                    Ok(vec![Event::Cancelled(Cancelled { reason })])
                }
                _ => Err(state.illegal()),
            },
            Command::CancelLines { lines, reason } => cancel_lines(state, lines, reason),
            Command::Fail { reason } => match state {
                State::Pending(_) => Ok(vec![Event::Failed(Failed { reason })]),
                State::Failed(..) => Ok(vec![]),
                State::Absent | State::Confirmed(_) | State::Cancelled(..) | State::Imported(_) => Err(state.illegal()),
            },
            Command::Import(order) => imported::import(state, *order),
            Command::ImportRefund(refund) => imported::import_refund(state, refund),
            Command::GrantRefund(grant) => grant.decide(state),
            Command::NoteCoverage { awaited } => coverage::note(state, awaited),
            Command::RetryPayment { payment_id } => retry_payment(state, payment_id),
            Command::RequestReturn { return_id, lines, reason, at } => {
                returns::request(state, return_id, lines, reason, at)
            }
            Command::ApproveReturn { return_id, at } => returns::approve(state, return_id, at),
            Command::RejectReturn { return_id, reason, at } => returns::reject(state, return_id, reason, at),
            Command::ReceiveReturn { return_id, lines, at } => returns::receive(state, return_id, lines, at),
            Command::CorrectAddress { shipping_address, country } => {
                correct_address(state, AddressCorrected { shipping_address, country })
            }
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Created(created) => State::Pending(Contents::of(created).into()),
            Event::Confirmed(confirmed) => state.confirm(confirmed),
            Event::Held(Held { reason }) => state.map(|contents| contents.hold = Some(reason.clone())),
            Event::Released(Released {}) => state.map(|contents| contents.hold = None),
            Event::ShipmentCreated(created) => state.map(|contents| contents.pack(created)),
            Event::ShipmentDispatched(dispatched) => state.map(|contents| contents.dispatch(dispatched)),
            Event::ShipmentDelivered(delivered) => state.map(|contents| contents.deliver(delivered)),
            Event::LinesCancelled(cancelled) => state.map(|contents| contents.cancel(cancelled)),
            Event::Cancelled(Cancelled { reason }) => state.end(|contents| State::Cancelled(contents, reason.clone())),
            Event::Failed(Failed { reason }) => state.end(|contents| State::Failed(contents, *reason)),
            Event::Completed(completed) => state.map(|contents| contents.complete(completed)),
            Event::Imported(imported) => State::imported(imported),
            Event::ImportedRefund(refund) => state.refund_imported(refund),
            Event::PaymentRetried(retried) => state.map(|contents| contents.retries.push(retried.payment_id)),
            Event::ReturnRequested(requested) => state.map(|contents| contents.returns.push(Return::of(requested))),
            Event::ReturnApproved(approved) => {
                let progress = Progress::Approved { at: approved.approved_at };
                state.map(|contents| contents.go_on_with(approved.return_id, progress))
            }
            Event::ReturnRejected(rejected) => {
                let progress = Progress::Rejected { rejection: rejected.reason.clone(), at: rejected.rejected_at };
                state.map(|contents| contents.go_on_with(rejected.return_id, progress))
            }
            Event::ReturnReceived(received) => state.map(|contents| contents.take_back(received)),
            Event::AddressCorrected(corrected) => state.map(|contents| {
                contents.shipping_address = corrected.shipping_address.clone();
                contents.country = corrected.country;
            }),
            Event::RefundGranted(granted) => state.map(|contents| contents.refunds.push(granted.clone())),
            Event::CoverageChanged(changed) => state.map(|contents| contents.awaited.clone_from(&changed.awaited)),
        }
    }

    fn weight(state: &State) -> usize {
        let held = match state {
            State::Imported(imported) => imported.weight(),
            _ => state.contents().map_or(0, Contents::weight),
        };
        size_of::<State>() + held
    }
}

fn create(state: &State, order: Create) -> Result<Vec<Event>, Error> {
    match state.contents() {
        None if !state.exists() => Ok(vec![Event::Created(Box::new(order.priced()?))]),
        Some(contents) if contents.cart_id == order.cart_id => Ok(vec![]),
        _ => Err(state.illegal()),
    }
}

/// A parcel that leaves.
struct Parcel {
    shipment_id: ShipmentId,
    carrier: Carrier,
    tracking: Tracking,
    location: Option<Location>,
    at: DateTime<Utc>,
}

fn dispatch(
    state: &State,
    parcel: Parcel,
    lines: Option<Vec<LineUnits>>,
    payment_covers: bool,
) -> Result<Vec<Event>, Error> {
    let State::Confirmed(order) = state else { return Err(state.illegal()) };
    if order.shipment(parcel.shipment_id).is_some() {
        return Ok(vec![]);
    }
    if order.lines.iter().all(|line| line.unshipped() == 0) {
        return Err(state.illegal());
    }
    if let Some(reason) = order.hold.clone() {
        return Err(Error::OnHold { reason, allowed: state.allowed() });
    }
    if !payment_covers {
        return Err(Error::PaymentNotAuthorized { allowed: state.allowed_unpaid() });
    }
    if order.shipments.len() >= SHIPMENTS_MAX {
        return Err(Error::TooManyShipments { max: SHIPMENTS_MAX });
    }
    let lines = match lines {
        Some(lines) => unsent(order, lines)?,
        None => everything_unsent(order),
    };
    let amount = due_for_parcel(order, &lines).map_err(too_large)?;
    let Parcel { shipment_id, carrier, tracking, location, at } = parcel;
    Ok(vec![
        Event::ShipmentCreated(ShipmentCreated { shipment_id, lines, amount, location }),
        Event::ShipmentDispatched(ShipmentDispatched { shipment_id, carrier, tracking, amount, dispatched_at: at }),
    ])
}

fn everything_unsent(order: &Contents) -> Vec<LineUnits> {
    let unsent = |line: &Line| {
        let quantity = Quantity::new(line.unshipped()).ok()?;
        Some(LineUnits { line_id: line.id, sku: line.sku.clone(), quantity })
    };
    order.lines.iter().filter_map(unsent).collect()
}

/// O1: no more than is still to be sent of each line.
fn unsent(order: &Contents, wanted: Vec<LineUnits>) -> Result<Vec<LineUnits>, Error> {
    named(order, wanted, Line::unshipped)
}

/// O1: no more than is left of each line. Each line once, in the order's own order, and under its own SKU.
fn named(order: &Contents, wanted: Vec<LineUnits>, remaining: impl Fn(&Line) -> i64) -> Result<Vec<LineUnits>, Error> {
    if wanted.is_empty() {
        return Err(Error::NoLines);
    }
    let mut units = vec![0; order.lines.len()];
    let mut last = 0;
    for LineUnits { line_id, quantity, .. } in wanted {
        last = order.place(line_id, last).ok_or_else(|| Error::LineNotFound { line: line_id.to_string() })?;
        units[last] += quantity.get();
    }
    let mut lines = Vec::new();
    for (line, requested) in order.lines.iter().zip(units).filter(|(_, requested)| *requested > 0) {
        let remaining = remaining(line);
        let too_many = || Error::TooManyUnits { sku: line.sku.clone(), requested, remaining };
        let quantity = Quantity::new(requested).ok().filter(|_| requested <= remaining).ok_or_else(too_many)?;
        lines.push(LineUnits { line_id: line.id, sku: line.sku.clone(), quantity });
    }
    Ok(lines)
}

fn too_large(_: money::Error) -> Error {
    Error::AmountTooLarge
}

fn deliver(state: &State, shipment_id: ShipmentId, delivered_at: DateTime<Utc>) -> Result<Vec<Event>, Error> {
    let State::Confirmed(order) = state else { return Err(state.illegal()) };
    match order.shipment(shipment_id) {
        None => return Err(Error::ShipmentNotFound { shipment_id }),
        Some(shipment) if shipment.delivered_at.is_some() => return Ok(vec![]),
        Some(_) => {}
    }
    let delivered = ShipmentDelivered { shipment_id, delivered_at };
    let mut after = Contents::clone(order);
    after.deliver(&delivered);
    let mut events = vec![Event::ShipmentDelivered(delivered)];
    if after.is_delivered() {
        events.push(Event::Completed(Completed { completed_at: delivered_at }));
    }
    Ok(events)
}

fn hold(state: &State, reason: Reason) -> Result<Vec<Event>, Error> {
    match state {
        State::Pending(order) | State::Confirmed(order) if !order.is_shipped() => match &order.hold {
            Some(held) if *held == reason => Ok(vec![]),
            _ => Ok(vec![Event::Held(Held { reason })]),
        },
        _ => Err(state.illegal()),
    }
}

fn release(state: &State) -> Result<Vec<Event>, Error> {
    match state {
        State::Pending(order) | State::Confirmed(order) if order.hold.is_some() => {
            Ok(vec![Event::Released(Released {})])
        }
        State::Pending(_) | State::Confirmed(_) => Ok(vec![]),
        State::Absent | State::Cancelled(..) | State::Failed(..) | State::Imported(_) => Err(state.illegal()),
    }
}

/// The same address is sealed in another way each time, so nobody can see here that nothing has changed.
fn correct_address(state: &State, corrected: AddressCorrected) -> Result<Vec<Event>, Error> {
    match state {
        State::Pending(order) | State::Confirmed(order) if !order.is_shipped() => {
            Ok(vec![Event::AddressCorrected(corrected)])
        }
        _ => Err(state.illegal()),
    }
}

fn retry_payment(state: &State, payment_id: PaymentId) -> Result<Vec<Event>, Error> {
    let State::Pending(order) = state else { return Err(state.illegal()) };
    let tried = order.payment_ids();
    if tried.contains(&payment_id) {
        return Ok(vec![]);
    }
    if tried.len() >= PAYMENTS_MAX {
        return Err(Error::TooManyPayments { max: PAYMENTS_MAX });
    }
    Ok(vec![Event::PaymentRetried(PaymentRetried { payment_id })])
}

/// O4: what is unshipped. Where nothing is left and nothing was sent, that is the whole order.
fn cancel_lines(state: &State, lines: Vec<LineUnits>, reason: Reason) -> Result<Vec<Event>, Error> {
    let State::Confirmed(order) = state else { return Err(state.illegal()) };
    if order.is_shipped() {
        return Err(state.illegal());
    }
    let lines = unsent(order, lines)?;
    let amount = due(order, &lines).map_err(too_large)?;
    let cancelled = LinesCancelled { lines, amount, reason: reason.clone() };
    let mut after = Contents::clone(order);
    after.cancel(&cancelled);
    if after.shipments.is_empty() && after.lines.iter().all(|line| line.unshipped() == 0) {
        return Ok(vec![Event::Cancelled(Cancelled { reason })]);
    }
    let mut events = vec![Event::LinesCancelled(cancelled)];
    let last_delivery = after.shipments.iter().filter_map(|shipment| shipment.delivered_at).max();
    if let Some(completed_at) = last_delivery.filter(|_| after.is_delivered()) {
        events.push(Event::Completed(Completed { completed_at }));
    }
    Ok(events)
}

#[cfg(test)]
mod tests;
