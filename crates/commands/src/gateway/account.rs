//! What a provider says of our payments: what webhooks and the reconciler compare the ledger with.

use chrono::{DateTime, Utc};
use domain::ids::{CaptureId, PaymentId, RefundId};
use domain::money::Money;
use domain::payment::{ActionUrl, FailureCode, ProviderReference};

/// One payment as the provider has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPayment {
    pub reference: ProviderReference,
    /// What we called it. `None`: it was not opened by us.
    pub payment_id: Option<PaymentId>,
    pub amount: Money,
    pub opened_at: DateTime<Utc>,
    pub stage: Stage,
    /// What is set aside and can still be taken.
    pub held: Money,
    pub captured: Option<Taken>,
    /// All that was given back, or is on its way, of what was taken.
    pub refunded: Money,
    /// What is known of it one by one; oldest first.
    pub refunds: Vec<GivenBack>,
    pub disputes: Vec<ProviderDispute>,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The provider does not know either, yet.
    Undecided,
    ActionRequired {
        url: ActionUrl,
    },
    Declined {
        code: FailureCode,
    },
    Held,
    /// Money was taken; what was not is given back.
    Taken,
    /// Given back, or lapsed.
    Ended,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub operation_id: ProviderReference,
    pub amount: Money,
    /// What we called the capture. `None`: it was not us who took it.
    pub capture_id: Option<CaptureId>,
}

/// One refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBack {
    pub operation_id: ProviderReference,
    pub amount: Money,
    /// What we called it. `None`: it was not us who gave it back.
    pub refund_id: Option<RefundId>,
    pub outcome: RefundOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    Pending,
    Succeeded,
    Failed { code: FailureCode },
}

/// Money that a bank wants back for its customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderDispute {
    pub dispute_id: ProviderReference,
    pub amount: Money,
    /// The provider's word for why.
    pub reason: FailureCode,
    pub outcome: DisputeOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeOutcome {
    Open,
    Won,
    Lost,
}

/// A span of time, its end left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Where a list goes on: the provider's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub payments: Vec<ProviderPayment>,
    /// Of the payments on this page, those that cannot be read, and why.
    pub unreadable: Vec<String>,
    /// `None`: this is the last page.
    pub next: Option<Cursor>,
}
