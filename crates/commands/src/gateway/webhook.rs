//! What a provider tells us unasked.

use domain::payment::ProviderReference;

/// Something has happened to a payment. What exactly, and whether that still holds, is asked of the provider: so it does
/// not matter in which order notices come, how late, or how often. The body itself is not kept: it holds names and
/// addresses of buyers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The provider's id of the notice; a repeat has the same.
    pub event_id: ProviderReference,
    /// The provider's word for what happened.
    pub event_type: String,
    /// `None`: it is about nothing that stands in a ledger.
    pub payment: Option<ProviderReference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("this provider sends no webhooks, or no secret is set for them")]
    NotExpected,
    #[error("there is no signature")]
    Unsigned,
    #[error("the signature cannot be read")]
    MalformedSignature,
    #[error("the signature is too old, or ahead of our clock")]
    WrongTime,
    #[error("the signature is not of this body")]
    WrongSignature,
    #[error("the body is signed and cannot be read")]
    Unreadable,
}

impl WebhookError {
    /// The label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotExpected => "not_expected",
            Self::Unsigned => "unsigned",
            Self::MalformedSignature => "malformed_signature",
            Self::WrongTime => "wrong_time",
            Self::WrongSignature => "wrong_signature",
            Self::Unreadable => "unreadable",
        }
    }
}
