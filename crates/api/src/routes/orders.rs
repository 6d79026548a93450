//! `/v1/orders`: what was bought, and what becomes of it.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use commands::command::Answer;
use commands::orders::{CancelOrder, DeliverShipment, HoldOrder, OrderOutcome, ReleaseOrder, ShipOrder};
use commands::world::{Held, States};
use domain::ids::{OrderId, Quantity, Reason, ShipmentId, Sku};
use domain::order::{Carrier, Order, Tracking};
use eventstore::event::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam};
use crate::personal;
use crate::problem::Problem;
use crate::views::order::{OrderView, ShipmentView, sealed_of};

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Cancellation {
    #[schema(value_type = String, max_length = 500, example = "changed my mind")]
    reason: Reason,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Hold {
    #[schema(value_type = String, max_length = 500, example = "fraud check")]
    reason: Reason,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewShipment {
    /// What is in the parcel; everything that is unsent if it is not given
    #[serde(default)]
    lines: Option<Vec<ParcelLine>>,
    #[schema(value_type = String, example = "Royal Mail")]
    carrier: Carrier,
    #[schema(value_type = String, example = "RM123456789GB")]
    tracking: Tracking,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ParcelLine {
    #[schema(value_type = String, example = "85123A")]
    sku: Sku,
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Delivery {
    /// Now, if it is not given
    delivered_at: Option<DateTime<Utc>>,
}

/// Cancel an order
///
/// While nothing of it is shipped. Its stock is released and its payment let go in the same append.
#[utoipa::path(post, path = "/v1/orders/{id}/cancellation", tag = "orders", params(("id" = Uuid, Path)),
    request_body = Cancellation, responses((status = 200, body = OrderView)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<Cancellation>,
) -> Result<Response, Problem> {
    let use_case = CancelOrder { order_id, owner: asker.owner(), reason: body.value.reason };
    let expected = expected(order_id, if_match);
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected).await?;
    render_order(&app, &asker, &answer).await
}

/// Put an order on hold
///
/// It is not shipped until it is released.
#[utoipa::path(post, path = "/v1/orders/{id}/hold", tag = "orders", params(("id" = Uuid, Path)),
    request_body = Hold, responses((status = 200, body = OrderView)))]
pub(crate) async fn hold(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<Hold>,
) -> Result<Response, Problem> {
    let use_case = HoldOrder { order_id, reason: body.value.reason };
    let expected = expected(order_id, if_match);
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected).await?;
    render_order(&app, &asker, &answer).await
}

/// Release an order that is on hold
#[utoipa::path(post, path = "/v1/orders/{id}/release", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, body = OrderView)))]
pub(crate) async fn release(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let expected = expected(order_id, if_match);
    let answer = asker.run_expecting(&app, ReleaseOrder { order_id }, body.idempotency, expected).await?;
    render_order(&app, &asker, &answer).await
}

/// Ship an order, or a part of it
///
/// The goods leave the stock and the payment is captured for what is in the parcel.
#[utoipa::path(post, path = "/v1/orders/{id}/shipments", tag = "orders", params(("id" = Uuid, Path)),
    request_body = NewShipment, responses((status = 201, body = ShipmentView)))]
pub(crate) async fn ship(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<NewShipment>,
) -> Result<Response, Problem> {
    let NewShipment { lines, carrier, tracking } = body.value;
    let lines = lines.map(|lines| lines.into_iter().map(|line| (line.sku, line.quantity)).collect());
    let shipment_id = ShipmentId::from_uuid(Uuid::now_v7());
    let use_case = ShipOrder { order_id, shipment_id, lines, carrier, tracking };
    let expected = expected(order_id, if_match);
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected).await?;
    let location = format!("/v1/orders/{order_id}/shipments/{}", answer.outcome.shipment_id);
    let shipment_id = answer.outcome.shipment_id;
    Ok(render_shipment(&asker, &answer, order_id, shipment_id, |command| command.created(location)))
}

/// Record that a parcel arrived
///
/// When everything has, the order is complete.
#[utoipa::path(post, path = "/v1/orders/{id}/shipments/{shipment}/delivery", tag = "orders",
    params(("id" = Uuid, Path), ("shipment" = Uuid, Path)), request_body = Delivery,
    responses((status = 200, body = ShipmentView)))]
pub(crate) async fn deliver(
    State(app): State<App>,
    asker: Asker,
    PathParam((order_id, shipment_id)): PathParam<(OrderId, ShipmentId)>,
    if_match: IfMatch,
    body: JsonBody<Delivery>,
) -> Result<Response, Problem> {
    let use_case = DeliverShipment { order_id, shipment_id, delivered_at: body.value.delivered_at };
    let expected = expected(order_id, if_match);
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected).await?;
    Ok(render_shipment(&asker, &answer, order_id, shipment_id, |command| command))
}

fn expected(order_id: OrderId, if_match: IfMatch) -> Option<(StreamId, i64)> {
    if_match.0.map(|version| (Order::stream(order_id.as_uuid()), version))
}

async fn render_order(app: &App, asker: &Asker, answer: &Answer<OrderOutcome>) -> Result<Response, Problem> {
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    render(app, asker, &answer.states, answer.outcome.order_id, command).await
}

/// An order from the states of a command, its personal data opened for whoever asked.
pub(crate) async fn render(
    app: &App,
    asker: &Asker,
    states: &States,
    order_id: OrderId,
    command: CommandAnswer,
) -> Result<Response, Problem> {
    if asker.prefer.minimal {
        return Ok(command.render(asker.prefer, || ()));
    }
    let opened = match sealed_of(states, order_id) {
        Some((address, email)) => personal::open(&app.shop.vault, address, email).await?,
        None => personal::Opened::default(),
    };
    let view = OrderView::of(states, order_id, opened);
    Ok(command.render(asker.prefer, || view))
}

fn render_shipment<O>(
    asker: &Asker,
    answer: &Answer<O>,
    order_id: OrderId,
    shipment_id: ShipmentId,
    dress: impl FnOnce(CommandAnswer) -> CommandAnswer,
) -> Response {
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    dress(command).render(asker.prefer, || {
        let (state, _) = answer.states.get::<Order>(order_id.as_uuid())?;
        state.contents()?.shipment(shipment_id).map(ShipmentView::of)
    })
}
