//! `/v1/orders`: what was bought, and what becomes of it.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use commands::command::Answer;
use commands::orders::{CancelOrder, DeliverShipment, HoldOrder, OrderOutcome, ReleaseOrder, ShipOrder};
use commands::world::{Held, States};
use domain::ids::{CustomerId, Location, OrderId, OrderNumber, Quantity, Reason, ShipmentId, Sku};
use domain::order::{Carrier, Order, Tracking};
use eventstore::event::StreamId;
use projections::{UnknownSort, orders};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::auth::Caller;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam, QueryParams};
use crate::page::{Limit, Page, part};
use crate::personal;
use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};
use crate::queries::{self, Inquiry};
use crate::views::order::{OrderView, ShipmentView, sealed_of};

/// How far a carrier's clock may be ahead of ours.
const CLOCKS_APART_MAX: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Cancellation {
    #[schema(value_type = String, max_length = 500, example = "changed my mind")]
    reason: Reason,
    /// What of it, of what is unsent; the whole order if it is not given
    #[serde(default)]
    lines: Option<Vec<ParcelLine>>,
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
    /// Where it is packed: everything in it is taken from there. If it is not given, from wherever the order's stock is
    #[schema(value_type = Option<String>, example = "main")]
    #[serde(default)]
    location: Option<Location>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ParcelLine {
    #[schema(value_type = String, example = "85123A")]
    sku: Sku,
    #[schema(value_type = i64, minimum = 1, maximum = 100_000)]
    quantity: Quantity,
}

impl ParcelLine {
    pub(crate) fn units(self) -> (Sku, Quantity) {
        (self.sku, self.quantity)
    }
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Delivery {
    /// Now, if it is not given; never in the future
    delivered_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderQuery {
    /// pending, confirmed, processing, shipped, delivered, cancelled or failed
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    payment_status: Option<String>,
    /// unfulfilled, backordered, partially_shipped, shipped, partially_delivered, delivered, partially_returned or returned
    #[serde(default)]
    fulfillment_status: Option<String>,
    #[param(value_type = Option<Uuid>)]
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// Orders with a line of it
    #[param(value_type = Option<String>)]
    #[serde(default)]
    sku: Option<Sku>,
    /// Included
    #[serde(default)]
    created_from: Option<DateTime<Utc>>,
    /// Not included
    #[serde(default)]
    created_to: Option<DateTime<Utc>>,
    #[param(value_type = Option<String>)]
    #[serde(default)]
    number: Option<OrderNumber>,
    /// created_at or total, each also with a - in front; -created_at if it is not given
    #[serde(default)]
    sort: Option<String>,
    #[param(value_type = u16, minimum = 1, maximum = 200)]
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before
    #[serde(default)]
    cursor: Option<String>,
}

/// List orders
///
/// A customer sees their own.
#[utoipa::path(get, path = "/v1/orders", tag = "orders", params(OrderQuery),
    responses((status = 200, body = Page<OrderView>)))]
pub(crate) async fn list_orders(
    State(app): State<App>,
    caller: Caller,
    inquiry: Inquiry,
    QueryParams(query): QueryParams<OrderQuery>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &orders::DEFINITION).await?;
    let sort = match &query.sort {
        Some(sort) => sort.parse().map_err(|error: UnknownSort| unknown_sort(&error))?,
        None => orders::NEWEST_FIRST,
    };
    let own = caller.only_own().map(CustomerId::from_uuid);
    if let (Some(own), Some(asked)) = (own, query.customer_id)
        && own != asked
    {
        return Err(queries::not_found());
    }
    let filter = orders::Filter {
        status: query.status,
        payment_status: query.payment_status,
        fulfillment_status: query.fulfillment_status,
        customer_id: own.or(query.customer_id),
        sku: query.sku,
        created_from: query.created_from,
        created_to: query.created_to,
        number: query.number,
    };
    let listed = orders::list(&app.shop.read_models, &filter, sort, &part(query.limit, query.cursor)).await;
    let (page, reflects) = listed.map_err(|error| queries::problem_of(&error))?;
    let mut data = Vec::with_capacity(page.data.len());
    for order in page.data {
        let opened = personal::open(&app.shop.vault, order.shipping_address.as_ref(), order.email.as_ref()).await?;
        data.push(OrderView::read(order, opened));
    }
    inquiry.answer_page(Page { data, next_cursor: page.next_cursor }, reflects)
}

/// Read an order
#[utoipa::path(get, path = "/v1/orders/{id}", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, body = OrderView)))]
pub(crate) async fn read_order(
    State(app): State<App>,
    caller: Caller,
    inquiry: Inquiry,
    PathParam(order_id): PathParam<OrderId>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &orders::DEFINITION).await?;
    let found = orders::find(&app.shop.read_models, order_id).await;
    let (order, reflects) = found.map_err(|error| queries::problem_of(&error))?;
    let order = order.ok_or_else(queries::not_found)?;
    caller.may_touch(order.customer_id.map(CustomerId::as_uuid))?;
    let opened = personal::open(&app.shop.vault, order.shipping_address.as_ref(), order.email.as_ref()).await?;
    let version = order.version;
    inquiry.answer(OrderView::read(order, opened), Some(version), reflects)
}

fn unknown_sort(error: &UnknownSort) -> Problem {
    let place = Place::Parameter("sort".to_owned());
    Problem::new(Code::InvalidValue).at(place, FieldCode::InvalidValue, error.to_string())
}

/// Cancel an order, or lines of it
///
/// The whole order while nothing of it is shipped; of one that is confirmed also lines, as far as they are unsent. The stock is
/// released in the same append. Money that was taken for it is refunded, what is only held is not taken.
#[utoipa::path(post, path = "/v1/orders/{id}/cancellation", tag = "orders", params(("id" = Uuid, Path)),
    request_body = Cancellation, responses((status = 200, body = OrderView)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<Cancellation>,
) -> Result<Response, Problem> {
    let Cancellation { reason, lines } = body.value;
    let lines = lines.map(|lines| lines.into_iter().map(ParcelLine::units).collect());
    let use_case = CancelOrder { order_id, owner: asker.owner(), reason, lines };
    let expected = expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
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
    let answer = asker.run(&app, ReleaseOrder { order_id }, body.idempotency, expected).await?;
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
    let NewShipment { lines, carrier, tracking, location } = body.value;
    let lines = lines.map(|lines| lines.into_iter().map(ParcelLine::units).collect());
    let shipment_id = ShipmentId::from_uuid(Uuid::now_v7());
    let use_case = ShipOrder { order_id, shipment_id, lines, carrier, tracking, location };
    let expected = expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
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
    let delivered_at = body.value.delivered_at;
    if delivered_at.is_some_and(|at| at < DateTime::UNIX_EPOCH || at > Utc::now() + CLOCKS_APART_MAX) {
        return Err(Problem::value("/delivered_at", "a parcel arrives after 1970 and not in the future"));
    }
    let use_case = DeliverShipment { order_id, shipment_id, delivered_at };
    let expected = expected(order_id, if_match);
    let answer = asker.run(&app, use_case, body.idempotency, expected).await?;
    Ok(render_shipment(&asker, &answer, order_id, shipment_id, |command| command))
}

/// `If-Match` on anything under an order means the order.
pub(crate) fn expected(order_id: OrderId, if_match: IfMatch) -> Option<(StreamId, i64)> {
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
