//! `/v1/webhooks/{provider}`: what payment providers tell us unasked.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use commands::process::webhooks::ReceiveError;

use crate::app::App;
use crate::extract::{PathParam, RawBody};
use crate::problem::Problem;
use crate::problems::Code;

/// Tell of a payment
///
/// For payment providers: point the provider's webhooks here. The signature over the body as it was sent is verified
/// (Stripe's `Stripe-Signature`, at most five minutes old), the webhook is kept, and this is answered; only then is it worked
/// off. A repeat is answered in the same way and changes nothing.
#[utoipa::path(post, path = "/v1/webhooks/{provider}", tag = "webhooks",
    params(("provider" = String, Path, description = "The provider that sends it.", example = "stripe")),
    request_body(content = Object, description = "The provider's own.", content_type = "application/json"),
    responses((status = 202, description = "It is kept.")))]
pub(crate) async fn receive_webhook(
    State(app): State<App>,
    PathParam(provider): PathParam<String>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    match app.shop.webhooks.receive(&provider, &headers, &body).await {
        Ok(_) => Ok(StatusCode::ACCEPTED),
        Err(ReceiveError::UnknownProvider) => Err(Problem::new(Code::NotFound)),
        Err(ReceiveError::Refused(why)) => Err(Problem::new(Code::WebhookRefused).because(&why)),
        Err(ReceiveError::Database(error)) => Err(Problem::new(Code::Unavailable).because(&error)),
    }
}
