//! Where an order is sent.

use axum::extract::State;
use axum::response::Response;
use commands::orders::CorrectAddress;
use commands::world::{Held, States};
use domain::ids::OrderId;
use domain::order::Order;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, PathParam};
use crate::personal;
use crate::problem::Problem;
use crate::problems::Code;
use crate::queries;
use crate::routes::orders;
use crate::views::address::Address;
use crate::views::order::OrderView;

/// Correct the address of an order
///
/// Until everything of it is shipped. Parcels that have left went to the one before.
#[utoipa::path(put, path = "/v1/orders/{id}/shipping-address", tag = "orders", params(("id" = Uuid, Path)),
    request_body = Address, responses((status = 200, body = OrderView)))]
pub(crate) async fn correct_address(
    State(app): State<App>,
    asker: Asker,
    PathParam(order_id): PathParam<OrderId>,
    if_match: IfMatch,
    body: JsonBody<Address>,
) -> Result<Response, Problem> {
    let subject = buyer(&app, &asker, order_id).await?;
    let shipping_address = personal::seal_address(&app.shop.vault, subject, &body.value).await?;
    let (owner, country) = (asker.owner(), Some(body.value.country));
    let use_case = CorrectAddress { order_id, owner, shipping_address, country };
    let answer = asker.run(&app, use_case, body.idempotency, orders::expected(order_id, if_match)).await?;
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    orders::render(&app, &asker, &answer.states, order_id, command).await
}

/// Whose personal data it is: the buyer's, also where staff corrects it for them.
async fn buyer(app: &App, asker: &Asker, order_id: OrderId) -> Result<Uuid, Problem> {
    if let Some(own) = asker.caller.only_own() {
        return Ok(own);
    }
    let stream = Order::stream(order_id.as_uuid());
    let events = app.shop.book.stream(&stream, None).await;
    let events = events.map_err(|error| Problem::new(Code::Unavailable).because(&error))?;
    let states = States::fold(&[stream], &events);
    let contents = states.get::<Order>(order_id.as_uuid()).and_then(|(order, _)| order.contents());
    contents.map(|order| order.customer_id.as_uuid()).ok_or_else(queries::not_found)
}
