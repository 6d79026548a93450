//! `/v1/guests`: a token for a visitor without an account, so that a cart has an owner from the first item on.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Role;
use crate::auth::signing::Grant;
use crate::extract::NoBody;
use crate::problem::Problem;
use crate::problems::Code;

/// As long as a guest's cart lives untouched (DOMAIN, C9).
const GUEST_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Guest {
    /// Send it as `Authorization: Bearer <token>`. Valid for 30 days.
    token: String,
    /// Whose carts and orders the token opens.
    customer_id: Uuid,
}

/// Begin as a guest
///
/// Gives a visitor without an account a token, so that they can fill a cart and check out. Whoever holds the token may later
/// merge the cart into the one of an account.
#[utoipa::path(post, path = "/v1/guests", tag = "guests", responses((status = 201, body = Guest)))]
pub(crate) async fn create_guest(State(app): State<App>, _: NoBody) -> Result<(StatusCode, Json<Guest>), Problem> {
    let signer = app.auth.signer().ok_or_else(|| Problem::new(Code::GuestsDisabled))?;
    let customer_id = Uuid::now_v7();
    let grant = Grant { subject: customer_id, role: Role::Customer, guest: true, lifetime: GUEST_TOKEN_LIFETIME };
    Ok((StatusCode::CREATED, Json(Guest { token: signer.sign(grant), customer_id })))
}
