//! `/v1/carts`: what somebody means to buy.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use commands::carts::merge::MergeCarts;
use commands::carts::{AddItem, CartOutcome, ChangeQuantity, DiscardCart, OpenCart, RemoveItem, RepriceCart};
use commands::checkout::{CheckOut, CheckOutOutcome, PaymentDetails};
use commands::command::Answer;
use commands::world::{Held, States};
use domain::cart::Cart;
use domain::ids::{CartId, CustomerId, OrderId, PaymentId, Quantity, Sku, Text};
use domain::money::{Currency, Money};
use eventstore::event::StreamId;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::CommandAnswer;
use crate::app::App;
use crate::asker::Asker;
use crate::auth::Caller;
use crate::etag::IfMatch;
use crate::extract::{JsonBody, NoBody, PathParam};
use crate::personal;
use crate::problem::Problem;
use crate::problems::Code;
use crate::queries::{self, Inquiry};
use crate::routes::orders;
use crate::routes::payments::NewPayment;
use crate::views::address::Address;
use crate::views::cart::CartView;
use crate::views::money::MoneySchema;
use crate::views::order::OrderView;

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

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Checkout {
    payment: NewPayment,
    shipping_address: Address,
    #[schema(value_type = Option<String>, max_length = 254)]
    #[serde(default)]
    email: Option<Text<254>>,
    /// What the buyer was shown: if the total is another one now, nothing is done
    #[schema(value_type = Option<MoneySchema>)]
    #[serde(default)]
    expected_total: Option<Money>,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct CartMerge {
    /// The guest's cart
    #[schema(value_type = Uuid)]
    from: CartId,
    /// The token that the guest got from `POST /v1/guests`: whoever holds it may merge their cart
    #[schema(max_length = 8_192)]
    guest_token: String,
}

/// Open a cart
///
/// It belongs to the caller, is empty, and has one currency.
#[utoipa::path(post, path = "/v1/carts", tag = "carts", request_body = NewCart,
    responses((status = 201, body = CartView)))]
pub(crate) async fn open_cart(
    State(app): State<App>,
    asker: Asker,
    if_match: IfMatch,
    body: JsonBody<NewCart>,
) -> Result<Response, Problem> {
    let cart_id = CartId::from_uuid(Uuid::now_v7());
    let use_case = OpenCart {
        cart_id,
        customer_id: CustomerId::from_uuid(asker.caller.subject()),
        guest: asker.caller.is_guest(),
        currency: body.value.currency.unwrap_or(app.currency),
    };
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
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
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Merge a guest's cart into this one
///
/// What a client does at login. Units of one product add up, at its price of now. What finds no room is in `dropped`, with the
/// reason: more units than a line may have, more lines than a cart, another currency, a product that is not for sale. Asked
/// again, it changes nothing and answers the same.
#[utoipa::path(post, path = "/v1/carts/{id}/merge", tag = "carts", params(("id" = Uuid, Path)), request_body = CartMerge,
    responses((status = 200, body = CartView)))]
pub(crate) async fn merge_carts(
    State(app): State<App>,
    asker: Asker,
    PathParam(cart_id): PathParam<CartId>,
    if_match: IfMatch,
    body: JsonBody<CartMerge>,
) -> Result<Response, Problem> {
    let CartMerge { from, guest_token } = body.value;
    let guest = guest_of(&app, &guest_token)?;
    let use_case = MergeCarts { into: cart_id, owner: asker.owner(), from, guest };
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    Ok(command.render(asker.prefer, || CartView::merged(&answer.states, &answer.outcome)))
}

/// Whom a guest's token in a body speaks for. One that is refused is a wrong value, and no matter of who asks.
fn guest_of(app: &App, token: &str) -> Result<CustomerId, Problem> {
    match app.auth.verify(token) {
        Ok(principal) if principal.guest => Ok(CustomerId::from_uuid(principal.subject)),
        Ok(_) => Err(Problem::value("/guest_token", "is not a guest's")),
        Err(error) => Err(Problem::value("/guest_token", error.to_string())),
    }
}

/// Read a cart
#[utoipa::path(get, path = "/v1/carts/{id}", tag = "carts", params(("id" = Uuid, Path)),
    responses((status = 200, body = CartView)))]
pub(crate) async fn read_cart(
    State(app): State<App>,
    caller: Caller,
    inquiry: Inquiry,
    PathParam(cart_id): PathParam<CartId>,
) -> Result<Response, Problem> {
    inquiry.wait(&app, &projections::carts::DEFINITION).await?;
    let found = projections::carts::find(&app.shop.read_models, cart_id).await;
    let (cart, reflects) = found.map_err(|error| queries::problem_of(&error))?;
    let cart = cart.ok_or_else(queries::not_found)?;
    caller.may_touch(cart.customer_id.as_uuid())?;
    let version = cart.version;
    inquiry.answer(CartView::from(cart), Some(version), reflects)
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
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    Ok(render(&asker, &answer, |command| command))
}

/// Check out: the cart becomes an order
///
/// One append, or nothing: the prices are compared with those of now, the stock of every line is reserved, the order is created
/// and its payment opened. Asked again, whatever the key, it answers with the order that exists.
#[utoipa::path(post, path = "/v1/carts/{id}/checkout", tag = "carts", params(("id" = Uuid, Path)),
    request_body = Checkout, responses((status = 201, body = OrderView), (status = 200, body = OrderView)))]
pub(crate) async fn check_out(
    State(app): State<App>,
    asker: Asker,
    PathParam(cart_id): PathParam<CartId>,
    if_match: IfMatch,
    body: JsonBody<Checkout>,
) -> Result<Response, Problem> {
    let Checkout { payment, shipping_address, email, expected_total } = body.value;
    let (subject, vault) = (buyer(&app, &asker, cart_id).await?, &app.shop.vault);
    let email = match email {
        Some(email) => Some(personal::seal(vault, subject, email.as_str()).await?),
        None => None,
    };
    let use_case = CheckOut {
        cart_id,
        owner: asker.owner(),
        order_id: OrderId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        payment: PaymentDetails { provider: app.provider.clone(), method: payment.method, token: payment.token },
        country: Some(shipping_address.country),
        shipping_address: personal::seal_address(vault, subject, &shipping_address).await?,
        email,
        expected_total,
    };
    let answer = asker.run(&app, use_case, body.idempotency, expected(cart_id, if_match)).await?;
    let CheckOutOutcome { order_id, created, .. } = answer.outcome;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let command = CommandAnswer::new(answer.version, answer.position)
        .replayed(answer.replayed)
        .status(status)
        .location(format!("/v1/orders/{order_id}"));
    orders::render(&app, &asker, &answer.states, order_id, command).await
}

/// Whose personal data a checkout holds: the cart's owner, also where somebody else checks it out for them.
async fn buyer(app: &App, asker: &Asker, cart_id: CartId) -> Result<Uuid, Problem> {
    if let Some(own) = asker.caller.only_own() {
        return Ok(own);
    }
    let stream = Cart::stream(cart_id.as_uuid());
    let events = app.shop.book.stream(&stream, None).await;
    let events = events.map_err(|error| Problem::new(Code::Unavailable).because(&error))?;
    let states = States::fold(&[stream], &events);
    let contents = states.get::<Cart>(cart_id.as_uuid()).and_then(|(cart, _)| cart.contents());
    contents.map(|cart| cart.customer_id.as_uuid()).ok_or_else(queries::not_found)
}

fn expected(cart_id: CartId, if_match: IfMatch) -> Option<(StreamId, i64)> {
    if_match.0.map(|version| (Cart::stream(cart_id.as_uuid()), version))
}

fn render(asker: &Asker, answer: &Answer<CartOutcome>, dress: impl FnOnce(CommandAnswer) -> CommandAnswer) -> Response {
    let command = CommandAnswer::new(answer.version, answer.position).replayed(answer.replayed);
    dress(command).render(asker.prefer, || CartView::of(&answer.states, answer.outcome.cart_id))
}
