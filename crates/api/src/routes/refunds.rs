//! Money given back for an order.

use axum::extract::State;
use axum::response::Response;
use commands::orders::refunds::RefundOrder;
use domain::ids::{OrderId, Reason, RefundId};
use domain::money::Money;
use domain::order::Order;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, PathParam};
use crate::problem::Problem;
use crate::routes::orders::{self, ParcelLine};
use crate::views::money::MoneySchema;
use crate::views::refund::RefundView;

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewOrderRefund {
    #[schema(value_type = MoneySchema)]
    amount: Money,
    #[schema(value_type = String, max_length = 500, example = "arrived broken")]
    reason: Reason,
    /// The goods that it is for, if it is for goods
    #[serde(default)]
    lines: Option<Vec<ParcelLine>>,
}

/// Give money back for an order
///
/// Never more than was captured for it and is left, over all of its payments. Whether the provider did it, the payments tell.
#[utoipa::path(post, path = "/v1/orders/{id}/refunds", tag = "orders", params(("id" = Uuid, Path)),
    request_body = NewOrderRefund, responses((status = 201, body = RefundView)))]
pub(crate) async fn refund_order(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<NewOrderRefund>,
) -> Result<Response, Problem> {
    let NewOrderRefund { amount, reason, lines } = body.value;
    let lines = lines.unwrap_or_default().into_iter().map(ParcelLine::units).collect();
    let refund_id = RefundId::from_uuid(Uuid::now_v7());
    let use_case = RefundOrder { order_id, refund_id, amount, reason, lines };
    let expected = orders::expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    let refund_id = answer.outcome.refund_id;
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    let command = command.created(format!("/v1/orders/{order_id}/refunds/{refund_id}"));
    Ok(command.render(asker.prefer, || {
        let (state, _) = answer.states.get::<Order>(order_id.as_uuid())?;
        state.contents()?.refund(refund_id).map(RefundView::of)
    }))
}
