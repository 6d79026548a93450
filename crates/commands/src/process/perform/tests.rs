//! Calls: what is sent, what is only asked about, and what each answer is taken for.

use std::sync::Mutex;

use async_trait::async_trait;
use domain::payment::ProviderReference;

use super::*;
use crate::gateway::simulated::Simulated;
use crate::orders::CancelOrder;
use crate::payments::record::RecordAuthorization;
use crate::process::CallKind;
use crate::spec::{
    Shop, check_out, gbp, order_id, paying_with, payment_id, reason, reference, refund_id, ship, shipment_id,
};

/// A provider that answers as it is told, and keeps what it was asked.
#[derive(Debug)]
struct Scripted {
    answer: Result<Receipt, GatewayError>,
    found: Result<Option<Receipt>, GatewayError>,
    asked: Mutex<Vec<&'static str>>,
}

impl Scripted {
    fn answering(answer: Result<Receipt, GatewayError>) -> Self {
        Self { answer, found: Ok(None), asked: Mutex::default() }
    }

    fn finding(found: Result<Option<Receipt>, GatewayError>) -> Self {
        Self { found, ..Self::answering(Ok(receipt("sent"))) }
    }

    fn ask(&self, what: &'static str) -> Result<Receipt, GatewayError> {
        self.asked.lock().unwrap().push(what);
        self.answer.clone()
    }
}

#[async_trait]
impl PaymentGateway for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn captures_more_than_once(&self) -> bool {
        true
    }

    async fn authorize(&self, _: &AuthorizeRequest) -> Result<Receipt, GatewayError> {
        self.ask("authorize")
    }

    async fn capture(&self, _: &CaptureRequest) -> Result<Receipt, GatewayError> {
        self.ask("capture")
    }

    async fn void(&self, _: &VoidRequest) -> Result<Receipt, GatewayError> {
        self.ask("void")
    }

    async fn refund(&self, _: &RefundRequest) -> Result<Receipt, GatewayError> {
        self.ask("refund")
    }

    async fn find(&self, _: &Operation) -> Result<Option<Receipt>, GatewayError> {
        self.asked.lock().unwrap().push("find");
        self.found.clone()
    }
}

fn receipt(text: &str) -> Receipt {
    Receipt { reference: ProviderReference::new(text).unwrap() }
}

fn declined() -> GatewayError {
    GatewayError::Declined { code: code("card_declined") }
}

fn refused() -> GatewayError {
    GatewayError::Refused { reason: "wrong credentials".to_owned() }
}

fn unknown() -> GatewayError {
    GatewayError::Unknown { reason: "502".to_owned() }
}

/// What became of a call about the last event of this type, in a word.
async fn performed(shop: &Shop, event_type: &str, attempts: i32, gateway: &dyn PaymentGateway) -> String {
    let event = shop.last(event_type);
    let call = ClaimedCall {
        position: event.position,
        idempotency_key: event.hash.to_string(),
        kind: CallKind::Authorize,
        payment_id: event.stream.id,
        correlation_id: uuid::Uuid::nil(),
        requested_at: event.recorded_at,
        attempts,
    };
    let requested = requested(event.position, &shop.book).unwrap();
    match carry_out(&call, &requested, shop.payment(1), gateway, Duration::from_millis(5)).await {
        Performed::Done(result) => result.name().to_owned(),
        Performed::Nothing => "nothing".to_owned(),
        Performed::AskLater { reason } | Performed::Unanswered { reason } => format!("ask later: {reason}"),
    }
}

async fn answered(shop: &Shop, event_type: &str, answer: Result<Receipt, GatewayError>) -> String {
    performed(shop, event_type, 1, &Scripted::answering(answer)).await
}

fn requested_authorization() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.order(1, &[("MUG", 2)]);
    shop.request_authorization(1);
    shop
}

fn requested_capture() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.accept(ship(1, None));
    shop.accept(crate::payments::RequestCapture {
        order_id: order_id(1),
        shipment_id: shipment_id(1),
        capturing_once: Default::default(),
    });
    shop
}

fn requested_refund() -> Shop {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    shop.capture(1, 1_000);
    let (payment_id, refund_id) = (payment_id(1), refund_id(1));
    shop.accept(crate::payments::RefundPayment { payment_id, refund_id, amount: None, reason: None });
    shop
}

fn cancel() -> CancelOrder {
    CancelOrder { order_id: order_id(1), owner: None, reason: reason("test"), lines: None }
}

#[tokio::test]
async fn each_answer_to_an_authorisation_is_taken_for_what_it_is() {
    let shop = requested_authorization();
    let request = "payment.authorization_requested";
    assert_eq!(answered(&shop, request, Ok(receipt("a"))).await, "record_authorization");
    assert_eq!(answered(&shop, request, Err(declined())).await, "record_failure");
    assert_eq!(answered(&shop, request, Err(refused())).await, "record_failure");
    assert_eq!(answered(&shop, request, Err(unknown())).await, "ask later: 502");
    let url = domain::payment::ActionUrl::new("https://pay.example").unwrap();
    let action = GatewayError::ActionRequired { reference: reference("a"), url };
    assert_eq!(answered(&shop, request, Err(action)).await, "record_action_required");
}

#[tokio::test]
async fn each_answer_to_a_capture_is_taken_for_what_it_is() {
    let shop = requested_capture();
    let request = "payment.capture_requested";
    assert_eq!(answered(&shop, request, Ok(receipt("c"))).await, "record_capture");
    assert_eq!(answered(&shop, request, Err(declined())).await, "record_failure");
    assert_eq!(answered(&shop, request, Err(refused())).await, "record_failure");
    assert_eq!(answered(&shop, request, Err(unknown())).await, "ask later: 502");
}

#[tokio::test]
async fn a_void_is_given_up_only_for_a_definite_no() {
    let mut shop = requested_authorization();
    shop.authorize_payment(1);
    shop.accept(cancel());
    let request = "payment.void_requested";
    assert_eq!(answered(&shop, request, Ok(receipt("v"))).await, "record_void");
    assert_eq!(answered(&shop, request, Err(declined())).await, "record_failure");
    assert_eq!(answered(&shop, request, Err(refused())).await, "ask later: wrong credentials");
    assert_eq!(answered(&shop, request, Err(unknown())).await, "ask later: 502");
}

#[tokio::test]
async fn each_answer_to_a_refund_is_taken_for_what_it_is() {
    let (shop, request) = (requested_refund(), "payment.refund_requested");
    assert_eq!(answered(&shop, request, Ok(receipt("r"))).await, "record_refund");
    assert_eq!(answered(&shop, request, Err(declined())).await, "record_refund_failure");
    assert_eq!(answered(&shop, request, Err(refused())).await, "record_refund_failure");
    assert_eq!(answered(&shop, request, Err(unknown())).await, "ask later: 502");
    // One whose answer was lost is asked about before it is sent again: nobody is given their money back twice.
    let found = Scripted::finding(Ok(Some(receipt("r"))));
    assert_eq!(performed(&shop, request, 2, &found).await, "record_refund");
    assert_eq!(*found.asked.lock().unwrap(), ["find"]);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_asked_later() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.fill_cart(1, &[("MUG", 2)]);
    shop.accept(crate::checkout::CheckOut { payment: paying_with("tok_timeout"), ..check_out(1) });
    shop.request_authorization(1);
    let (request, gateway) = ("payment.authorization_requested", Simulated::default());
    let first = performed(&shop, request, 1, &gateway).await;
    assert_eq!(first, "ask later: the provider did not answer in time");
    assert_eq!(performed(&shop, request, 2, &gateway).await, "record_authorization");
}

#[tokio::test]
async fn nothing_is_sent_again_before_the_provider_was_asked() {
    let (shop, request) = (requested_authorization(), "payment.authorization_requested");
    let sent = Scripted::answering(Ok(receipt("a")));
    performed(&shop, request, 1, &sent).await;
    assert_eq!(*sent.asked.lock().unwrap(), ["authorize"]);

    let found = Scripted::finding(Ok(Some(receipt("a"))));
    assert_eq!(performed(&shop, request, 2, &found).await, "record_authorization");
    assert_eq!(*found.asked.lock().unwrap(), ["find"]);

    let lost = Scripted::finding(Ok(None));
    assert_eq!(performed(&shop, request, 2, &lost).await, "record_authorization");
    assert_eq!(*lost.asked.lock().unwrap(), ["find", "authorize"]);

    let away = Scripted::finding(Err(unknown()));
    assert_eq!(performed(&shop, request, 2, &away).await, "ask later: 502");
    assert_eq!(*away.asked.lock().unwrap(), ["find"]);

    let no = Scripted::finding(Err(declined()));
    assert_eq!(performed(&shop, request, 2, &no).await, "record_failure");
}

#[tokio::test]
async fn money_that_nobody_wants_any_more_is_not_asked_for() {
    let (mut shop, request) = (requested_authorization(), "payment.authorization_requested");
    shop.accept(cancel());
    let never_sent = Scripted::finding(Ok(None));
    assert_eq!(performed(&shop, request, 1, &never_sent).await, "record_failure");
    assert_eq!(*never_sent.asked.lock().unwrap(), [""; 0]);

    let lost = Scripted::finding(Ok(None));
    assert_eq!(performed(&shop, request, 2, &lost).await, "record_failure");
    assert_eq!(*lost.asked.lock().unwrap(), ["find"]);

    let arrived = Scripted::finding(Ok(Some(receipt("a"))));
    assert_eq!(performed(&shop, request, 2, &arrived).await, "record_authorization");
}

#[tokio::test]
async fn what_may_yet_be_authorised_is_voided_once_that_is_known() {
    let (mut shop, request) = (requested_authorization(), "payment.void_requested");
    shop.accept(cancel());
    let waits = "ask later: the provider has not said yet what became of the authorisation";
    assert_eq!(answered(&shop, request, Ok(receipt("v"))).await, waits);

    let mut declined = requested_authorization();
    declined.accept(cancel());
    declined.accept(RecordFailure {
        payment_id: payment_id(1),
        operation: Failing::Authorization,
        code: code("card_declined"),
        detail: None,
    });
    let unasked = Scripted::answering(Ok(receipt("v")));
    assert_eq!(performed(&declined, request, 1, &unasked).await, "record_void");
    assert_eq!(*unasked.asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_is_being_captured_is_not_let_go_at_the_same_time() {
    let mut shop = Shop::selling(&[("MUG", 500, 9)]);
    shop.confirmed_order(1, &[("MUG", 2)]);
    let (capture_id, some) = (domain::ids::CaptureId::from_uuid(uuid::Uuid::nil()), Some(gbp(400)));
    shop.accept(crate::payments::CapturePayment {
        payment_id: payment_id(1),
        capture_id,
        amount: some,
        capturing_once: Default::default(),
    });
    shop.accept(cancel());
    let waits = "ask later: a capture of the same payment is under way";
    assert_eq!(answered(&shop, "payment.void_requested", Ok(receipt("v"))).await, waits);
    let operation_id = reference("c");
    shop.accept(RecordCapture { payment_id: payment_id(1), capture_id, operation_id, amount: gbp(400) });
    assert_eq!(answered(&shop, "payment.void_requested", Ok(receipt("v"))).await, "record_void");
}

#[tokio::test]
async fn a_call_whose_result_is_known_makes_no_request() {
    let mut shop = requested_authorization();
    let provider_reference = reference("auth_1");
    shop.accept(RecordAuthorization { payment_id: payment_id(1), provider_reference });
    assert_eq!(answered(&shop, "payment.authorization_requested", Ok(receipt("a"))).await, "nothing");

    let mut shop = requested_capture();
    let (capture_id, amount) = (domain::ids::CaptureId::of_shipment(shipment_id(1)), gbp(1_000));
    let operation_id = reference("c");
    shop.accept(RecordCapture { payment_id: payment_id(1), capture_id, operation_id, amount });
    assert_eq!(answered(&shop, "payment.capture_requested", Ok(receipt("c"))).await, "nothing");

    let mut shop = requested_authorization();
    shop.authorize_payment(1);
    shop.accept(cancel());
    shop.accept(RecordVoid { payment_id: payment_id(1), operation_id: Some(reference("v")) });
    assert_eq!(answered(&shop, "payment.void_requested", Ok(receipt("v"))).await, "nothing");

    let mut shop = requested_refund();
    let (refund_id, amount, operation_id) = (refund_id(1), gbp(1_000), reference("r"));
    shop.accept(RecordRefund { payment_id: payment_id(1), refund_id, operation_id, amount });
    assert_eq!(answered(&shop, "payment.refund_requested", Ok(receipt("r"))).await, "nothing");
}
