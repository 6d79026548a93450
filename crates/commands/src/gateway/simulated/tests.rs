//! What each token stands for, and that a repeated request is one request.

use domain::ids::{CaptureId, PaymentId, RefundId};
use domain::money::{Currency, Money};
use domain::payment::PaymentToken;
use uuid::Uuid;

use super::*;

fn gateway() -> Simulated {
    Simulated::answering_slowly_after(Duration::from_millis(1))
}

fn authorization(token: &str, key: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        idempotency_key: IdempotencyKey::new(key.to_owned(), chrono::DateTime::UNIX_EPOCH),
        payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
        amount: Money::new(500, Currency::GBP),
        token: PaymentToken::new(token).unwrap(),
    }
}

fn capture(authorization: &Receipt, key: &str) -> CaptureRequest {
    CaptureRequest {
        capture_id: CaptureId::from_uuid(Uuid::from_u128(3)),
        idempotency_key: IdempotencyKey::new(key.to_owned(), chrono::DateTime::UNIX_EPOCH),
        payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
        amount: Money::new(500, Currency::GBP),
        authorization: authorization.reference.clone(),
    }
}

fn declined_as(code: &str) -> GatewayError {
    GatewayError::Declined { code: FailureCode::new(code).unwrap() }
}

#[tokio::test]
async fn each_token_has_its_answer() {
    let gateway = gateway();
    for token in ["tok_ok", "tok_slow", "tok_capture_fails"] {
        assert!(gateway.authorize(&authorization(token, token)).await.is_ok(), "{token}");
    }
    for (token, code) in [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_of_nobody", "invalid_token"),
    ] {
        assert_eq!(gateway.authorize(&authorization(token, token)).await, Err(declined_as(code)));
    }
    let answer = gateway.authorize(&authorization("tok_requires_action", "a")).await;
    assert!(matches!(answer, Err(GatewayError::ActionRequired { .. })));
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first() {
    let gateway = gateway();
    let request = authorization("tok_ok", "k1");
    let first = gateway.authorize(&request).await.unwrap();
    assert_eq!(gateway.authorize(&request).await, Ok(first.clone()));
    assert_ne!(gateway.authorize(&authorization("tok_ok", "k2")).await, Ok(first));
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_refused() {
    let gateway = gateway();
    gateway.authorize(&authorization("tok_ok", "k1")).await.unwrap();
    let other = gateway.authorize(&authorization("tok_declined", "k1")).await;
    assert!(matches!(other, Err(GatewayError::Refused { .. })));
}

#[tokio::test]
async fn the_token_that_never_answers_has_authorised_all_the_same() {
    let gateway = gateway();
    let request = authorization("tok_timeout", "k1");
    let answer = tokio::time::timeout(Duration::from_millis(5), gateway.authorize(&request)).await;
    assert!(answer.is_err());
    let found = gateway.find(&Operation::Authorize(request.clone())).await.unwrap();
    assert!(found.is_some());
    assert_eq!(self::gateway().find(&Operation::Authorize(request)).await, Ok(found));
}

#[tokio::test]
async fn the_token_that_errs_once_errs_once() {
    let gateway = gateway();
    let request = authorization("tok_error_once", "k1");
    assert!(matches!(gateway.authorize(&request).await, Err(GatewayError::Unknown { .. })));
    assert_eq!(gateway.find(&Operation::Authorize(request.clone())).await, Ok(None));
    assert!(gateway.authorize(&request).await.is_ok());
}

#[tokio::test]
async fn a_capture_follows_the_authorisation_it_names_even_after_a_restart() {
    let good = gateway().authorize(&authorization("tok_ok", "k1")).await.unwrap();
    let bad = gateway().authorize(&authorization("tok_capture_fails", "k2")).await.unwrap();
    let restarted = gateway();
    let taken = restarted.capture(&capture(&good, "k3")).await.unwrap();
    assert_eq!(restarted.find(&Operation::Capture(capture(&good, "k3"))).await, Ok(Some(taken.clone())));
    assert_eq!(restarted.capture(&capture(&bad, "k4")).await, Err(declined_as("capture_declined")));
    let nothing = restarted.capture(&capture(&taken, "k5")).await;
    assert!(matches!(nothing, Err(GatewayError::Refused { .. })));
}

#[tokio::test]
async fn what_is_held_is_given_back() {
    let gateway = gateway();
    let held = gateway.authorize(&authorization("tok_ok", "k1")).await.unwrap();
    let request = VoidRequest {
        idempotency_key: IdempotencyKey::new("k2".to_owned(), chrono::DateTime::UNIX_EPOCH),
        payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
        authorization: held.reference,
    };
    let voided = gateway.void(&request).await.unwrap();
    assert_eq!(gateway.find(&Operation::Void(request)).await, Ok(Some(voided)));
}

#[tokio::test]
async fn what_was_taken_is_given_back_even_after_a_restart_and_once_a_key() {
    let refund = |authorization: &Receipt, key: &str| RefundRequest {
        idempotency_key: IdempotencyKey::new(key.to_owned(), chrono::DateTime::UNIX_EPOCH),
        refund_id: RefundId::from_uuid(Uuid::from_u128(4)),
        payment_id: PaymentId::from_uuid(Uuid::from_u128(1)),
        amount: Money::new(200, Currency::GBP),
        authorization: authorization.reference.clone(),
    };
    let good = gateway().authorize(&authorization("tok_ok", "k1")).await.unwrap();
    let restarted = gateway();
    let given = restarted.refund(&refund(&good, "k2")).await.unwrap();
    assert_eq!(restarted.refund(&refund(&good, "k2")).await, Ok(given.clone()));
    assert_eq!(restarted.find(&Operation::Refund(refund(&good, "k2"))).await, Ok(Some(given.clone())));
    assert_ne!(restarted.refund(&refund(&good, "k3")).await, Ok(given.clone()));
    let more = RefundRequest { amount: Money::new(300, Currency::GBP), ..refund(&good, "k2") };
    assert!(matches!(restarted.refund(&more).await, Err(GatewayError::Refused { .. })));

    let empty = gateway().authorize(&authorization("tok_capture_fails", "k4")).await.unwrap();
    for nothing in [refund(&empty, "k5"), refund(&given, "k6")] {
        assert!(matches!(restarted.refund(&nothing).await, Err(GatewayError::Refused { .. })), "{nothing:?}");
    }
}

#[tokio::test]
async fn no_more_than_so_many_requests_are_remembered() {
    let gateway = gateway();
    for number in 0..=REMEMBERED_MAX {
        gateway.authorize(&authorization("tok_ok", &number.to_string())).await.unwrap();
    }
    assert_eq!(gateway.arrived.lock().unwrap().len(), REMEMBERED_MAX);
}
