//! Stripe as a run has it: the stand-in of the tests, which outlives every node; the courier that brings its webhooks, twice, in
//! another order and again until they are answered; and its books, to be compared with the ledger.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use commands::{
    clock::Clock,
    gateway::{
        PaymentGateway as _,
        account::{Period, ProviderPayment},
        stripe::{NAME, Secret, Stripe as Gateway, StripeConfig},
    },
};
use support::stripe::{Courier, SECRET_KEY, Stripe, WEBHOOK_SECRET, Webhook};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    client::Client,
    error::{Error, chain},
    history::{Command, Kind, Outcome},
    rng::Rng,
    shop::command,
};

/// How often the courier looks.
const POLL: Duration = Duration::from_millis(50);
/// A webhook is sent again for so long, and then taken along once more.
const PATIENCE: Duration = Duration::from_secs(25);
/// So that a payment is told of by one webhook alone, and is lost with it.
const NOT_ASKED_FOR: [&str; 3] = ["payment_intent.created", "payment_intent.requires_action", "charge.succeeded"];
/// What somebody else takes through the same account.
const ANOTHERS_AMOUNT: i64 = 100;

#[derive(Debug)]
pub(crate) struct Bank {
    stripe: Stripe,
    paid: Mutex<Vec<Uuid>>,
    others: AtomicU64,
}

impl Bank {
    pub(crate) async fn open() -> Self {
        Self { stripe: Stripe::open(Clock::default()).await, paid: Mutex::default(), others: AtomicU64::new(0) }
    }

    pub(crate) fn url(&self) -> String {
        self.stripe.url()
    }

    /// The buyer has confirmed it with the bank, of which nobody but a webhook will tell. False if nobody was asked to.
    pub(crate) fn buyer_pays(&self, payment_id: Uuid) -> bool {
        let intents = self.stripe.intents_of(payment_id);
        let asks = intents.iter().find(|intent| intent["status"] == "requires_action");
        let Some(id) = asks.and_then(|intent| intent["id"].as_str()) else { return false };
        self.stripe.buyer_confirms(id);
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).push(payment_id);
        true
    }

    /// Another program of the same account takes money, and webhooks tell of that too.
    pub(crate) fn opens_another(&self) {
        let number = self.others.fetch_add(1, Ordering::Relaxed);
        self.stripe.open_by_hand(format!("another-{number}"), ANOTHERS_AMOUNT);
    }

    /// Of what the endpoint has asked for.
    fn webhooks(&self) -> impl Iterator<Item = Webhook> {
        let all = self.stripe.take_webhooks().into_iter();
        all.filter(|webhook| !NOT_ASKED_FOR.contains(&webhook.event_type.as_str()))
    }

    pub(crate) fn paid(&self) -> Vec<Uuid> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that it did for us, asked for as a node asks.
    pub(crate) async fn books(&self) -> Result<Vec<ProviderPayment>, Error> {
        let config = StripeConfig {
            base_url: self.url(),
            secret_key: Secret::new(SECRET_KEY),
            webhook_secrets: Vec::new(),
            return_url: None,
            authorities: None,
        };
        let unreadable = |error: &dyn std::error::Error| Error::Impossible(chain(error));
        let gateway = Gateway::new(config, Clock::default()).map_err(|error| unreadable(&error))?;
        let until = Utc::now() + TimeDelta::minutes(1);
        let (period, mut payments, mut cursor) = (Period { from: until - TimeDelta::days(1), until }, Vec::new(), None);
        loop {
            let page = gateway.list(&period, cursor.as_ref()).await.map_err(|error| unreadable(&error))?;
            payments.extend(page.payments);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(payments);
            }
        }
    }
}

/// Brings webhooks, one after another.
pub(crate) struct Postman {
    bank: Arc<Bank>,
    courier: Courier,
    client: Client,
    rng: Rng,
    left: Vec<Webhook>,
}

impl Postman {
    pub(crate) fn new(bank: Arc<Bank>, client: Client, rng: Rng) -> Self {
        Self { bank, courier: Courier::default(), client, rng, left: Vec::new() }
    }

    /// Until told to stop.
    pub(crate) fn walk(mut self, stop: CancellationToken) -> JoinHandle<Self> {
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                let mut new = std::mem::take(&mut self.left);
                new.extend(self.bank.webhooks());
                let rng = &mut self.rng;
                let delivered = self.courier.deliver(new, |bound| rng.index(bound));
                self.bring(delivered).await;
                stop.run_until_cancelled(sleep(POLL)).await;
            }
            self
        })
    }

    /// Everything that there is now.
    pub(crate) async fn finish(&mut self) {
        let mut all = std::mem::take(&mut self.left);
        all.extend(self.courier.finish());
        all.extend(self.bank.webhooks());
        self.bring(all).await;
    }

    async fn bring(&mut self, webhooks: Vec<Webhook>) {
        for webhook in webhooks {
            let signature = Some(webhook.signature_at(WEBHOOK_SECRET, Utc::now().timestamp()));
            let body = String::from_utf8_lossy(&webhook.body).into_owned();
            let path = format!("/v1/webhooks/{NAME}");
            let empty = command(Kind::Webhook, "POST", path, &serde_json::Value::Null);
            let brought = self.client.settle(&Command { body, signature, ..empty }, None, PATIENCE).await;
            if brought.outcome != Outcome::Ok {
                self.left.push(webhook);
            }
        }
    }
}
