//! What handlers share. One pointer, cloned once a request.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use domain::money::Currency;
use domain::payment::Provider;
use tokio_util::sync::CancellationToken;

use crate::auth::token::Authenticator;
use crate::health::Health;
use crate::node::Shop;

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub auth: Arc<Authenticator>,
    pub health: Health,
    /// Cancelled when the server stops: what streams for ever ends then.
    pub stopping: CancellationToken,
    pub shop: Shop,
    /// Of carts that name none.
    pub currency: Currency,
    /// Who carries new payments.
    pub provider: Provider,
    /// `/openapi.json`, known once every route is registered.
    pub(crate) openapi: OnceLock<Bytes>,
}

impl App {
    pub fn new(
        auth: Arc<Authenticator>,
        health: Health,
        stopping: CancellationToken,
        shop: Shop,
        currency: Currency,
    ) -> Self {
        let provider = shop.provider.clone();
        Self(Arc::new(Parts { auth, health, stopping, shop, currency, provider, openapi: OnceLock::new() }))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
