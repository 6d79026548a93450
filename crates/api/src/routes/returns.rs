//! Goods of an order that come back.

use axum::extract::State;
use axum::response::Response;
use commands::command::Answer;
use commands::orders::returns::{ApproveReturn, ReceiveReturn, RejectReturn, RequestReturn, ReturnOutcome};
use domain::ids::{Location, OrderId, Quantity, Reason, ReturnId, Sku};
use domain::order::Order;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam};
use crate::problem::Problem;
use crate::routes::orders::{self, ParcelLine};
use crate::views::goods_return::ReturnView;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewReturn {
    /// What is to come back
    lines: Vec<ParcelLine>,
    #[schema(value_type = String, max_length = 500, example = "arrived broken")]
    reason: Reason,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct ReturnRejection {
    #[schema(value_type = Option<String>, max_length = 500, example = "used")]
    reason: Option<Reason>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ReturnReceipt {
    /// What came; one product may stand here twice, once for what is fit to be sold again
    lines: Vec<ReceivedLine>,
    /// Where it is unpacked; where it was sent from, if nothing is said and all of it left one location, else `main`
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64, example = "LEEDS")]
    location: Option<Location>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewReceivedLine)]
pub(crate) struct ReceivedLine {
    #[schema(value_type = String, example = "85123A")]
    sku: Sku,
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
    /// Whether it goes back into stock
    restock: bool,
}

/// Ask to send goods back
///
/// Within 30 days after their delivery, and no more than was delivered and is not on its way back.
#[utoipa::path(post, path = "/v1/orders/{id}/returns", tag = "orders", params(("id" = Uuid, Path)),
    request_body = NewReturn, responses((status = 201, body = ReturnView)))]
pub(crate) async fn request_return(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<NewReturn>,
) -> Result<Response, Problem> {
    let NewReturn { lines, reason } = body.value;
    let lines = lines.into_iter().map(ParcelLine::units).collect();
    let return_id = ReturnId::from_uuid(Uuid::now_v7());
    let use_case = RequestReturn { order_id, owner: asker.owner(), return_id, lines, reason };
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    let location = format!("/v1/orders/{order_id}/returns/{}", answer.outcome.return_id);
    Ok(render(&asker, &answer, |command| command.created(location)))
}

/// Allow goods to be sent back
#[utoipa::path(post, path = "/v1/orders/{id}/returns/{return}/approval", tag = "orders",
    params(("id" = Uuid, Path), ("return" = Uuid, Path)), responses((status = 200, body = ReturnView)))]
pub(crate) async fn approve_return(
    State(app): State<App>,
    asker: Asker,
    PathParam((order_id, return_id)): PathParam<(OrderId, ReturnId)>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, ApproveReturn { order_id, return_id }, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Refuse a return
///
/// Also one that was allowed, and whose goods did not come.
#[utoipa::path(post, path = "/v1/orders/{id}/returns/{return}/rejection", tag = "orders",
    params(("id" = Uuid, Path), ("return" = Uuid, Path)), request_body = ReturnRejection,
    responses((status = 200, body = ReturnView)))]
pub(crate) async fn reject_return(
    State(app): State<App>,
    asker: Asker,
    PathParam((order_id, return_id)): PathParam<(OrderId, ReturnId)>,
    if_match: IfMatch,
    body: JsonBody<ReturnRejection>,
) -> Result<Response, Problem> {
    let use_case = RejectReturn { order_id, return_id, reason: body.value.reason };
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Record that goods came back
///
/// Once for a return; what did not come may be asked for again. Money is given back by a refund, which is a decision of its own.
#[utoipa::path(post, path = "/v1/orders/{id}/returns/{return}/receipt", tag = "orders",
    params(("id" = Uuid, Path), ("return" = Uuid, Path)), request_body = ReturnReceipt,
    responses((status = 200, body = ReturnView)))]
pub(crate) async fn receive_return(
    State(app): State<App>,
    asker: Asker,
    PathParam((order_id, return_id)): PathParam<(OrderId, ReturnId)>,
    if_match: IfMatch,
    body: JsonBody<ReturnReceipt>,
) -> Result<Response, Problem> {
    let ReturnReceipt { lines, location } = body.value;
    let lines = lines.into_iter().map(|line| (line.sku, line.quantity, line.restock)).collect();
    let use_case = ReceiveReturn { order_id, return_id, lines, location };
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render(&asker, &answer, |command| command))
}

fn render(
    asker: &Asker,
    answer: &Answer<ReturnOutcome>,
    dress: impl FnOnce(CommandAnswer) -> CommandAnswer,
) -> Response {
    let ReturnOutcome { return_id, order } = &answer.outcome;
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    dress(command).render(asker.prefer, || {
        let (state, _) = answer.states.get::<Order>(order.order_id.as_uuid())?;
        state.contents()?.goods_return(*return_id).map(ReturnView::of)
    })
}
