//! Webhooks, as they are signed, and as they come: a courier repeats, shuffles, holds back and loses them.

use aws_lc_rs::hmac;
use axum::http::{HeaderMap, HeaderName};

/// One notice, not sent yet.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub event_type: String,
    pub body: Vec<u8>,
    /// When it is signed, in seconds.
    pub at: i64,
}

impl Webhook {
    /// Such as come to an endpoint that asked for everything.
    pub fn about_nothing() -> Self {
        let at = chrono::Utc::now().timestamp();
        let event = serde_json::json!({
            "id": format!("evt_{}", uuid::Uuid::now_v7()),
            "object": "event",
            "type": "plan.created",
            "created": at,
            "data": {"object": {"id": "price_1", "object": "plan"}},
        });
        Self { event_type: "plan.created".to_owned(), body: event.to_string().into(), at }
    }

    /// The value of `Stripe-Signature`.
    pub fn signature(&self, secret: &str) -> String {
        self.signature_at(secret, self.at)
    }

    pub fn signature_at(&self, secret: &str, at: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[format!("{at}.").as_bytes(), &self.body].concat());
        let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={at},v1={digits},v0=0000")
    }

    pub fn headers(&self) -> HeaderMap {
        let signature = self.signature(super::WEBHOOK_SECRET).parse().expect("it is ASCII");
        HeaderMap::from_iter([(HeaderName::from_static("stripe-signature"), signature)])
    }
}

/// Brings webhooks as the world does. Its moods follow from the numbers that it is given.
#[derive(Debug, Default)]
pub struct Courier {
    held_back: Vec<Webhook>,
}

impl Courier {
    /// Of these and of those held back before: what is delivered now, in the order in which it is. Some come twice. Those
    /// that are lost are sent once more later, as Stripe does until it is answered.
    pub fn deliver(&mut self, new: Vec<Webhook>, mut chance: impl FnMut(usize) -> usize) -> Vec<Webhook> {
        let mut all = std::mem::take(&mut self.held_back);
        all.extend(new);
        let mut delivered = Vec::new();
        while !all.is_empty() {
            let webhook = all.swap_remove(chance(all.len()));
            match chance(4) {
                0 => self.held_back.push(webhook),
                1 => delivered.extend([webhook.clone(), webhook]),
                _ => delivered.push(webhook),
            }
        }
        delivered
    }

    /// Everything that is left.
    pub fn finish(&mut self) -> Vec<Webhook> {
        std::mem::take(&mut self.held_back)
    }
}
