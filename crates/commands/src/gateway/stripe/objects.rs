//! The parts of Stripe's objects that are read here; the many others are passed over, those about people and cards among them.

use std::collections::BTreeMap;

use chrono::DateTime;
use domain::ids::{CaptureId, PaymentId, RefundId};
use domain::money::Money;
use domain::payment::{ActionUrl, FailureCode, ProviderReference};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CAPTURE_ID, PAYMENT_ID, REFUND_ID, REQUEST, amount};
use crate::gateway::webhook::Notice;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    object: String,
    pub(super) amount: i64,
    #[serde(default)]
    pub(super) amount_capturable: i64,
    #[serde(default)]
    pub(super) amount_received: i64,
    pub(super) currency: String,
    pub(super) created: i64,
    pub(super) status: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    next_action: Option<NextAction>,
    last_payment_error: Option<Fault>,
    latest_charge: Option<Expandable>,
}

#[derive(Debug, Clone, Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

#[derive(Debug, Clone, Deserialize)]
struct Redirect {
    url: Option<String>,
}

/// An id, or the object itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Expandable {
    Id(String),
    Charge(Charge),
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Charge {
    id: String,
    #[serde(default)]
    pub(super) amount_refunded: i64,
    #[serde(default)]
    pub(super) disputed: bool,
}

/// Why not.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) code: Option<String>,
    decline_code: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    object: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) status: Option<String>,
    failure_reason: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dispute {
    pub(super) id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) reason: String,
    pub(super) status: String,
}

/// A list, or what a search has found.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct List {
    pub(super) data: Vec<Value>,
    pub(super) has_more: bool,
}

/// As a type that is read here, if it is one.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Option<T> {
    T::deserialize(value).ok()
}

/// The payment intent that an answer is, if it is one.
pub(super) fn intent(value: &Value) -> Option<Intent> {
    read::<Intent>(value).filter(|intent| intent.object == "payment_intent")
}

/// The refund that an answer is, if it is one.
pub(super) fn refund(value: &Value) -> Option<Refund> {
    read::<Refund>(value).filter(|refund| refund.object == "refund")
}

impl Refund {
    pub(super) fn reference(&self) -> Option<ProviderReference> {
        ProviderReference::new(&self.id).ok()
    }

    pub(super) fn money(&self) -> Option<Money> {
        amount::from_stripe(self.amount, &self.currency)
    }

    pub(super) fn refund_id(&self) -> Option<RefundId> {
        self.metadata.get(REFUND_ID)?.parse().ok()
    }

    /// The key of the request that it came of.
    pub(super) fn request(&self) -> Option<&str> {
        self.metadata.get(REQUEST).map(String::as_str)
    }

    pub(super) fn failure(&self) -> FailureCode {
        let reason = self.failure_reason.as_deref().or(self.status.as_deref());
        reason.and_then(|reason| FailureCode::new(reason).ok()).unwrap_or_else(|| word_of("failed"))
    }
}

impl Intent {
    pub(super) fn reference(&self) -> Option<ProviderReference> {
        ProviderReference::new(&self.id).ok()
    }

    pub(super) fn money(&self, amount: i64) -> Option<Money> {
        amount::from_stripe(amount, &self.currency)
    }

    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        self.metadata.get(PAYMENT_ID)?.parse().ok()
    }

    pub(super) fn capture_id(&self) -> Option<CaptureId> {
        self.metadata.get(CAPTURE_ID)?.parse().ok()
    }

    pub(super) fn opened_at(&self) -> Option<DateTime<chrono::Utc>> {
        DateTime::from_timestamp(self.created, 0)
    }

    /// What the capture is known by: the charge, of which an intent that is captured once has one.
    pub(super) fn charge_id(&self) -> Option<ProviderReference> {
        let id = match self.latest_charge.as_ref()? {
            Expandable::Id(id) => id,
            Expandable::Charge(charge) => &charge.id,
        };
        ProviderReference::new(id).ok()
    }

    /// Where it was asked for.
    pub(super) fn charge(&self) -> Option<&Charge> {
        match self.latest_charge.as_ref()? {
            Expandable::Id(_) => None,
            Expandable::Charge(charge) => Some(charge),
        }
    }

    pub(super) fn action_url(&self) -> Option<ActionUrl> {
        let url = self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_ref()?;
        ActionUrl::new(url).ok()
    }

    pub(super) fn failure(&self) -> FailureCode {
        self.last_payment_error.clone().unwrap_or_default().failure()
    }
}

impl Fault {
    /// The bank's word where there is one, else Stripe's.
    pub(super) fn failure(&self) -> FailureCode {
        let words = [&self.decline_code, &self.code, &self.kind];
        let word = words.into_iter().flatten().find_map(|word| FailureCode::new(word).ok());
        word.unwrap_or_else(|| word_of("declined"))
    }
}

pub(super) fn word_of(word: &'static str) -> FailureCode {
    FailureCode::new(word).expect("a short word is a code")
}

/// What a webhook is about: the intent itself, or what names it: a charge, a refund, a dispute.
pub(super) fn notice(body: &[u8]) -> Option<Notice> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
        object: String,
        #[serde(rename = "type")]
        kind: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        object: Value,
    }
    /// As wide as the column that it is kept in.
    const TYPE_BYTES_MAX: usize = 128;
    let event: Event = serde_json::from_slice(body).ok()?;
    if event.object != "event" || event.kind.len() > TYPE_BYTES_MAX || event.kind.contains('\0') {
        return None;
    }
    let object = &event.data.object;
    let reference = match object["object"].as_str()? {
        "payment_intent" => object["id"].as_str(),
        "charge" | "refund" | "dispute" => object["payment_intent"].as_str(),
        _ => None,
    };
    let payment = match reference {
        Some(reference) => Some(ProviderReference::new(reference).ok()?),
        None => None,
    };
    Some(Notice { event_id: ProviderReference::new(&event.id).ok()?, event_type: event.kind, payment })
}
