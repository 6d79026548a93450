//! What a refused command is called on the wire: from the rules' errors to problems of the catalogue. Nothing else knows both.

use commands::command::CommandError;
use commands::rejection::Rejection;
use domain::{cart, inventory, order, payment, product};
use serde::Serialize;

use crate::problem::Problem;
use crate::problems::Code;

pub(crate) fn problem_of(error: &CommandError) -> Problem {
    match error {
        #[cfg(feature = "planted-bugs")]
        CommandError::Unavailable if eventstore::planted::is("error-500") => Problem::internal(error),
        CommandError::Rejected(rejection) => of_rejection(rejection),
        CommandError::Overloaded => Problem::new(Code::Overloaded),
        CommandError::Unavailable => Problem::new(Code::Unavailable),
        CommandError::Failed(_) => Problem::internal(error),
    }
}

fn of_rejection(rejection: &Rejection) -> Problem {
    match rejection {
        Rejection::Product(error) => of_product(error),
        Rejection::Cart(error) => of_cart(error),
        Rejection::Inventory(error) => of_inventory(error),
        Rejection::Order(error) => of_order(error),
        Rejection::Payment(error) => of_payment(error),
        Rejection::NotFound { .. } => said(Code::NotFound, rejection),
        Rejection::UnknownSku { sku } => said(Code::UnknownSku, rejection).with("skus", [sku]),
        Rejection::SkuTaken { sku } => said(Code::AlreadyExists, rejection).with("skus", [sku]),
        Rejection::ProductNotPublished { sku } => said(Code::ProductNotPublished, rejection).with("skus", [sku]),
        Rejection::OutOfStock { skus } => said(Code::OutOfStock, rejection).with("skus", skus),
        Rejection::PaymentInProgress { state, allowed, .. } => illegal(rejection, state, allowed),
        Rejection::CapturesOnce { owed, .. } => said(Code::CapturesOnce, rejection).with("owed", owed),
        Rejection::CapturedOnce { taken, .. } => said(Code::CapturesOnce, rejection).with("captured", taken),
        Rejection::VersionMismatch { current, .. } => {
            said(Code::VersionMismatch, rejection).with("current_version", current)
        }
        Rejection::KeyReused => Problem::new(Code::IdempotencyKeyReused),
        Rejection::UnreadableStream { .. } => Problem::new(Code::Unavailable).because(rejection),
    }
}

fn of_product(error: &product::Error) -> Problem {
    match error {
        product::Error::UnknownSku => said(Code::NotFound, error),
        product::Error::SkuTaken { sku } => said(Code::AlreadyExists, error).with("skus", [sku]),
        product::Error::IllegalTransition { state, allowed } => illegal(error, state, allowed),
        product::Error::NotPublished { sku, .. } => said(Code::ProductNotPublished, error).with("skus", [sku]),
        product::Error::PriceNotPositive { .. } => Problem::value("/price/amount", error.to_string()),
        product::Error::TooManyAttributes { .. } => Problem::value("/attributes", error.to_string()),
        product::Error::OwnParent { .. } => Problem::value("/parent_sku", error.to_string()),
    }
}

fn of_cart(error: &cart::Error) -> Problem {
    match error {
        cart::Error::IllegalTransition { state, allowed } => illegal(error, state, allowed),
        cart::Error::QuantityOutOfRange { .. } => Problem::value("/quantity", error.to_string()),
        cart::Error::TooManyLines { .. } => said(Code::CartFull, error),
        cart::Error::LineNotFound { .. } => said(Code::NotFound, error),
        cart::Error::CurrencyMismatch { expected, found } => {
            said(Code::CurrencyMismatch, error).with("expected", expected).with("found", found)
        }
        cart::Error::AmountTooLarge => Problem::value("/quantity", error.to_string()),
        cart::Error::EmptyCart => said(Code::EmptyCart, error),
        cart::Error::NotForSale { skus } => said(Code::ProductNotPublished, error).with("skus", skus),
        cart::Error::PriceChanged { lines, cart_total, current_total } => said(Code::PriceChanged, error)
            .with("lines", lines.iter().map(ChangedLine::from).collect::<Vec<_>>())
            .with("cart_total", cart_total)
            .with("current_total", current_total),
        cart::Error::TotalDiffers { expected_total, current_total } => {
            said(Code::TotalChanged, error).with("expected_total", expected_total).with("current_total", current_total)
        }
        cart::Error::SameCart => Problem::value("/from", error.to_string()),
        cart::Error::NotAGuests => said(Code::AlreadyExists, error),
    }
}

/// A line of a cart whose price is not what the buyer saw.
#[derive(Serialize)]
struct ChangedLine<'a> {
    sku: &'a domain::ids::Sku,
    quantity: i64,
    cart_price: domain::money::Money,
    current_price: domain::money::Money,
}

impl<'a> From<&'a cart::PriceDifference> for ChangedLine<'a> {
    fn from(line: &'a cart::PriceDifference) -> Self {
        let cart::PriceDifference { sku, quantity, cart_price, current_price } = line;
        Self { sku, quantity: quantity.get(), cart_price: *cart_price, current_price: *current_price }
    }
}

fn of_inventory(error: &inventory::Error) -> Problem {
    match error {
        inventory::Error::OutOfStock { .. } => said(Code::OutOfStock, error),
        inventory::Error::ReservationDiffers { .. } | inventory::Error::ReservationExpired => {
            said(Code::Conflict, error)
        }
        inventory::Error::NotAllocated { allocated, .. } => {
            said(Code::QuantityExceeded, error).with("available", allocated)
        }
        inventory::Error::NotOnHand { on_hand, .. } => said(Code::QuantityExceeded, error).with("available", on_hand),
        inventory::Error::NotSetAside { set_aside, .. } => {
            said(Code::QuantityExceeded, error).with("available", set_aside)
        }
        inventory::Error::QuantityOutOfRange { .. } => Problem::value("", error.to_string()),
        inventory::Error::TooManyLocations { .. } => Problem::value("/location", error.to_string()),
        inventory::Error::SameLocation { .. } => Problem::value("/to", error.to_string()),
    }
}

fn of_order(error: &order::Error) -> Problem {
    match error {
        order::Error::IllegalTransition { state, allowed } => illegal(error, state, allowed),
        order::Error::OnHold { allowed, .. } => illegal(error, "on_hold", allowed),
        order::Error::PaymentNotAuthorized { allowed } => illegal(error, "payment_not_authorized", allowed),
        order::Error::IllegalReturn { state, allowed } => illegal(error, state, allowed),
        order::Error::ShipmentNotFound { .. } | order::Error::ReturnNotFound { .. } => said(Code::NotFound, error),
        order::Error::ReturnWindowClosed { sku, remaining, .. } => {
            said(Code::ReturnWindowClosed, error).with("skus", [sku]).with("available", remaining)
        }
        order::Error::TooManyUnits { sku, remaining, .. } => {
            said(Code::QuantityExceeded, error).with("skus", [sku]).with("available", remaining)
        }
        order::Error::CurrencyMismatch { expected, found } => {
            said(Code::CurrencyMismatch, error).with("expected", expected).with("found", found)
        }
        order::Error::LineNotFound { .. } | order::Error::NoLines | order::Error::DuplicateLine { .. } => {
            Problem::value("/lines", error.to_string())
        }
        order::Error::AmountNotPositive { .. } => Problem::value("/amount/amount", error.to_string()),
        order::Error::TooManyRefunds { .. } => said(Code::LimitReached, error),
        order::Error::TooManyPayments { .. }
        | order::Error::TooManyShipments { .. }
        | order::Error::TooManyReturns { .. } => said(Code::LimitReached, error),
        order::Error::EmptyOrder => said(Code::EmptyCart, error),
        order::Error::ImportDiffers { .. } => said(Code::Conflict, error),
        order::Error::RefundTooLarge { remaining, .. } => {
            said(Code::AmountExceeded, error).with("available", remaining)
        }
        order::Error::TooManyLines { .. }
        | order::Error::QuantityOutOfRange { .. }
        | order::Error::AmountTooLarge
        | order::Error::NegativeAmount { .. } => Problem::value("", error.to_string()),
    }
}

fn of_payment(error: &payment::Error) -> Problem {
    match error {
        payment::Error::IllegalTransition { state, allowed } => illegal(error, state, allowed),
        payment::Error::AmountNotPositive { .. } => Problem::value("/amount/amount", error.to_string()),
        payment::Error::CurrencyMismatch { expected, found } => {
            said(Code::CurrencyMismatch, error).with("expected", expected).with("found", found)
        }
        payment::Error::AmountExceedsRemaining { remaining, .. } => {
            said(Code::AmountExceeded, error).with("available", remaining)
        }
        payment::Error::CaptureNotFound { .. } | payment::Error::RefundNotFound { .. } => said(Code::NotFound, error),
        payment::Error::NothingToVoid { state, allowed } => illegal(error, state, allowed),
        payment::Error::TooManyCaptures { .. }
        | payment::Error::TooManyRefunds { .. }
        | payment::Error::TooManyDisputes { .. } => said(Code::LimitReached, error),
        payment::Error::ReferenceDiffers { .. } => said(Code::Conflict, error),
    }
}

/// What the rule says, for a person. The rules' texts hold ids and numbers, never personal data.
fn said(code: Code, error: &impl std::error::Error) -> Problem {
    let mut detail = error.to_string();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    detail.push('.');
    Problem::new(code).detail(detail)
}

fn illegal(error: &impl std::error::Error, state: &str, allowed: &[&str]) -> Problem {
    said(Code::IllegalTransition, error).with("current_state", state).with("allowed", allowed)
}
