//! `/v1/payments`, and a further payment of an order.

use axum::extract::State;
use axum::response::Response;
use commands::checkout::PaymentDetails;
use commands::command::Answer;
use commands::payments::{CapturePayment, CapturingOnce, PaymentOutcome, RefundPayment, RetryPayment, VoidPayment};
use commands::world::Held;
use domain::ids::{CaptureId, OrderId, PaymentId, Reason, RefundId};
use domain::money::Money;
use domain::payment::{Method, Payment, PaymentToken};
use eventstore::event::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::auth::Caller;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, PathParam};
use crate::problem::Problem;
use crate::queries::{self, Inquiry};
use crate::routes::orders;
use crate::views::money::MoneySchema;
use crate::views::payment::PaymentView;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewPayment {
    #[schema(value_type = String, example = "card")]
    pub(crate) method: Method,
    /// The provider's token for the payer's card or account; never a card number
    #[schema(value_type = String, example = "tok_ok")]
    pub(crate) token: PaymentToken,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct NewCapture {
    /// Everything that is left, if it is not given
    #[schema(value_type = Option<MoneySchema>)]
    amount: Option<Money>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewVoid {
    #[schema(value_type = String, max_length = 500)]
    reason: Reason,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct NewRefund {
    /// Everything that is left, if it is not given
    #[schema(value_type = Option<MoneySchema>)]
    amount: Option<Money>,
    #[schema(value_type = Option<String>, max_length = 500)]
    reason: Option<Reason>,
}

/// Read a payment
#[utoipa::path(get, path = "/v1/payments/{id}", tag = "payments", params(("id" = Uuid, Path)),
    responses((status = 200, body = PaymentView)))]
pub(crate) async fn read_payment(
    State(app): State<App>,
    caller: Caller,
    inquiry: Inquiry,
    PathParam(payment_id): PathParam<PaymentId>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &projections::orders::DEFINITION).await?;
    let found = projections::orders::find_payment(&app.shop.read_models, payment_id).await;
    let (payment, reflects) = found.map_err(|error| queries::problem_of(&error))?;
    let payment = payment.ok_or_else(queries::not_found)?;
    match payment.customer_id {
        Some(customer_id) => caller.may_touch(customer_id.as_uuid())?,
        None if caller.only_own().is_some() => return Err(queries::not_found()),
        None => {}
    }
    let version = payment.version;
    inquiry.answer(PaymentView::from(payment), Some(version), reflects)
}

/// Pay by another method
///
/// While the order is pending and the payment before it was declined or given up. The stock is held for this try too.
#[utoipa::path(post, path = "/v1/orders/{id}/payments", tag = "payments", params(("id" = Uuid, Path)),
    request_body = NewPayment, responses((status = 201, body = PaymentView)))]
pub(crate) async fn retry(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<NewPayment>,
) -> Result<Response, Problem> {
    let NewPayment { method, token } = body.value;
    let use_case = RetryPayment {
        order_id,
        owner: asker.owner(),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        payment: PaymentDetails { provider: app.provider.clone(), method, token },
    };
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    let payment_id = answer.outcome.payment_id;
    let command = CommandAnswer::new(answer.version, answer.position)
        .replayed(answer.replayed)
        .created(format!("/v1/payments/{payment_id}"));
    Ok(command.render(asker.prefer, || PaymentView::of(&answer.states, payment_id)))
}

/// Capture money that is held, ahead of any parcel
///
/// A provider that captures a payment once (Stripe) takes everything that the order owes at once, or nothing; what is held
/// beyond it is let go with the capture, and the payment says so.
#[utoipa::path(post, path = "/v1/payments/{id}/captures", tag = "payments", params(("id" = Uuid, Path)),
    request_body = NewCapture, responses((status = 201, body = PaymentView)))]
pub(crate) async fn capture(
    State(app): State<App>,
    asker: Asker,
    PathParam(payment_id): PathParam<PaymentId>,
    if_match: IfMatch,
    body: JsonBody<NewCapture>,
) -> Result<Response, Problem> {
    let capture_id = CaptureId::from_uuid(Uuid::now_v7());
    let capturing_once = CapturingOnce::clone(&app.shop.capturing_once);
    let use_case = CapturePayment { payment_id, capture_id, amount: body.value.amount, capturing_once };
    let expected = expected(payment_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer))
}

/// Let go of money that is held and not taken
#[utoipa::path(post, path = "/v1/payments/{id}/void", tag = "payments", params(("id" = Uuid, Path)),
    request_body = NewVoid, responses((status = 201, body = PaymentView)))]
pub(crate) async fn void(
    State(app): State<App>,
    asker: Asker,
    PathParam(payment_id): PathParam<PaymentId>,
    if_match: IfMatch,
    body: JsonBody<NewVoid>,
) -> Result<Response, Problem> {
    let use_case = VoidPayment { payment_id, reason: body.value.reason };
    let expected = expected(payment_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer))
}

/// Give back money that was taken
///
/// Never more than was captured and is neither given back nor on its way back. Whether the provider did it, the payment tells.
#[utoipa::path(post, path = "/v1/payments/{id}/refunds", tag = "payments", params(("id" = Uuid, Path)),
    request_body = NewRefund, responses((status = 201, body = PaymentView)))]
pub(crate) async fn refund(
    State(app): State<App>,
    asker: Asker,
    PathParam(payment_id): PathParam<PaymentId>,
    if_match: IfMatch,
    body: JsonBody<NewRefund>,
) -> Result<Response, Problem> {
    let NewRefund { amount, reason } = body.value;
    let use_case = RefundPayment { payment_id, refund_id: RefundId::from_uuid(Uuid::now_v7()), amount, reason };
    let expected = expected(payment_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer))
}

fn expected(payment_id: PaymentId, if_match: IfMatch) -> Option<(StreamId, i64)> {
    if_match.0.map(|version| (Payment::stream(payment_id.as_uuid()), version))
}

fn render(asker: &Asker, answer: &Answer<PaymentOutcome>) -> Response {
    let payment_id = answer.outcome.payment_id;
    CommandAnswer::new(answer.version, answer.position)
        .replayed(answer.replayed)
        .created(format!("/v1/payments/{payment_id}"))
        .render(asker.prefer, || PaymentView::of(&answer.states, payment_id))
}
