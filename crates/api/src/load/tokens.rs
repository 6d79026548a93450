//! The bearers of the load: staff's, an auditor's and every customer's are signed here with the development key of the data
//! folder, as `daybook token` would; a guest asks the API for one.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use uuid::Uuid;

use super::client::{Ask, Client, Failure, Repeat};
use super::plan::Plan;
use crate::auth::Role;
use crate::auth::signing::{Grant, SigningKeyError, TokenSigner, open_dev_key};

/// Longer than any load takes.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

pub(super) struct Tokens {
    signer: TokenSigner,
    staff: HeaderValue,
    /// By customer, signed when first needed.
    customers: Vec<OnceLock<HeaderValue>>,
}

/// Somebody without an account.
#[derive(Deserialize)]
pub(super) struct Guest {
    pub(super) token: String,
}

impl Guest {
    /// A lost answer leaves a guest behind who never comes back: harmless.
    pub(super) async fn begin(client: &mut Client) -> Result<Self, Failure> {
        let path = "/v1/guests";
        let ask = Ask { method: Method::POST, path, bearer: None, body: Bytes::new(), repeat: Repeat::Harmless };
        client.exchange(&ask).await
    }

    pub(super) fn bearer(&self) -> HeaderValue {
        bearer(&self.token)
    }
}

impl Tokens {
    pub(super) fn open(data: &Path, customers: usize) -> Result<Self, SigningKeyError> {
        let signer = open_dev_key(data)?;
        let staff = bearer(&sign(&signer, Uuid::now_v7(), Role::Staff));
        Ok(Self { signer, staff, customers: (0..customers).map(|_| OnceLock::new()).collect() })
    }

    pub(super) fn staff(&self) -> &HeaderValue {
        &self.staff
    }

    /// Somebody with an account.
    pub(super) fn customer(&self, customer_id: Uuid) -> HeaderValue {
        bearer(&sign(&self.signer, customer_id, Role::Customer))
    }

    /// The bearer of one shopper.
    pub(super) async fn shopper(
        &self,
        plan: &Plan,
        customer: Option<u32>,
        client: &mut Client,
    ) -> Result<HeaderValue, Failure> {
        let Some(customer) = customer else { return Ok(Guest::begin(client).await?.bearer()) };
        let sign = || bearer(&sign(&self.signer, plan.customer_id(customer), Role::Customer));
        Ok(self.customers[customer as usize].get_or_init(sign).clone())
    }
}

fn sign(signer: &TokenSigner, subject: Uuid, role: Role) -> String {
    signer.sign(Grant { subject, role, guest: false, lifetime: LIFETIME })
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).expect("a JWT is base64 and points")
}
