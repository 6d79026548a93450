//! `/v1/carts`: what somebody means to buy.

use axum::extract::State;
use axum::response::Response;
use commands::carts::{AddItem, CartOutcome, ChangeQuantity, DiscardCart, OpenCart, RemoveItem, RepriceCart};
use commands::command::Answer;
use domain::cart::Cart;
use domain::ids::{CartId, CustomerId, Quantity, Sku};
use domain::money::Currency;
use commands::world::Held;
use eventstore::event::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam};
use crate::problem::Problem;
use crate::views::cart::CartView;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct NewCart {
    /// ISO 4217; the shop's if it is not given
    #[schema(value_type = Option<String>, example = "GBP")]
    currency: Option<Currency>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewItem {
    #[schema(value_type = String, example = "85123A")]
    sku: Sku,
    #[schema(value_type = i64, minimum = 1, maximum = 100_000, example = 6)]
    quantity: Quantity,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewQuantity {
    #[schema(value_type = i64, minimum = 1, maximum = 100_000, example = 12)]
    quantity: Quantity,
}

/// Open a cart
///
/// It belongs to the caller, is empty, and has one currency.
#[utoipa::path(post, path = "/v1/carts", tag = "carts", request_body = NewCart,
    responses((status = 201, body = CartView)))]
pub(crate) async fn open_cart(
    State(app): State<App>,
    asker: Asker,
    body: JsonBody<NewCart>,
) -> Result<Response, Problem> {
    let cart_id = CartId::from_uuid(Uuid::now_v7());
    let use_case = OpenCart {
        cart_id,
        customer_id: CustomerId::from_uuid(asker.caller.subject()),
        guest: asker.caller.is_guest(),
        currency: body.value.currency.unwrap_or(app.currency),
    };
    let answer = asker.run(&app, use_case, body.idempotency).await?;
    let location = format!("/v1/carts/{}", answer.outcome.cart_id);
    Ok(render(&asker, &answer, |command| command.created(location)))
}

/// Add units of a product
///
/// At its price of now. A product that is in the cart already gets more units.
#[utoipa::path(post, path = "/v1/carts/{id}/items", tag = "carts", params(("id" = Uuid, Path)), request_body = NewItem,
    responses((status = 200, body = CartView)))]
pub(crate) async fn add_item(
    State(app): State<App>,
    asker: Asker,
    PathParam(cart_id): PathParam<CartId>,
    if_match: IfMatch,
    body: JsonBody<NewItem>,
) -> Result<Response, Problem> {
    let NewItem { sku, quantity } = body.value;
    let use_case = AddItem { cart_id, owner: asker.owner(), sku, quantity };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Set how many units a line has
///
/// The line takes on the product's price of now.
#[utoipa::path(put, path = "/v1/carts/{id}/items/{sku}", tag = "carts",
    params(("id" = Uuid, Path), ("sku" = String, Path)), request_body = NewQuantity,
    responses((status = 200, body = CartView)))]
pub(crate) async fn change_quantity(
    State(app): State<App>,
    asker: Asker,
    PathParam((cart_id, sku)): PathParam<(CartId, Sku)>,
    if_match: IfMatch,
    body: JsonBody<NewQuantity>,
) -> Result<Response, Problem> {
    let use_case = ChangeQuantity { cart_id, owner: asker.owner(), sku, quantity: body.value.quantity };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Take a line out
///
/// Succeeds also if it was not there.
#[utoipa::path(delete, path = "/v1/carts/{id}/items/{sku}", tag = "carts",
    params(("id" = Uuid, Path), ("sku" = String, Path)), responses((status = 200, body = CartView)))]
pub(crate) async fn remove_item(
    State(app): State<App>,
    asker: Asker,
    PathParam((cart_id, sku)): PathParam<(CartId, Sku)>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let use_case = RemoveItem { cart_id, owner: asker.owner(), sku };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Give every line the price of now
///
/// What a client does after `price_changed`, before it shows the new total.
#[utoipa::path(post, path = "/v1/carts/{id}/repricing", tag = "carts", params(("id" = Uuid, Path)),
    responses((status = 200, body = CartView)))]
pub(crate) async fn reprice_cart(
    State(app): State<App>,
    asker: Asker,
    PathParam(cart_id): PathParam<CartId>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let use_case = RepriceCart { cart_id, owner: asker.owner() };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Discard a cart
#[utoipa::path(delete, path = "/v1/carts/{id}", tag = "carts", params(("id" = Uuid, Path)),
    responses((status = 200, body = CartView)))]
pub(crate) async fn discard_cart(
    State(app): State<App>,
    asker: Asker,
    PathParam(cart_id): PathParam<CartId>,
    if_match: IfMatch,
    body: NoBody,
) -> Result<Response, Problem> {
    let use_case = DiscardCart { cart_id, owner: asker.owner() };
    let answer = asker.run_expecting(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

fn expected(cart_id: CartId, if_match: IfMatch) -> Option<(StreamId, i64)> {
    if_match.0.map(|version| (Cart::stream(cart_id.as_uuid()), version))
}

fn render(
    asker: &Asker,
    answer: &Answer<CartOutcome>,
    dress: impl FnOnce(CommandAnswer) -> CommandAnswer,
) -> Response {
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    dress(command).render(asker.prefer, || CartView::of(&answer.states, answer.outcome.cart_id))
}
