//! Personal data inside events: a sealed box, and whose key opens it. The rules never look inside.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest sealed address, with room: every field of it is bounded long before this.
pub const BOX_BYTES_MAX: usize = 16_384;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed box is 1 to {BOX_BYTES_MAX} printable ASCII characters")]
pub struct NotSealed;

/// Ciphertext under the key of one person. Destroying the key erases the person and leaves the event as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Sealed {
    subject: Uuid,
    #[serde(rename = "box")]
    sealed_box: Arc<str>,
}

impl Sealed {
    pub fn new(subject: Uuid, sealed_box: &str) -> Result<Self, NotSealed> {
        let printable = sealed_box.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable || !(1..=BOX_BYTES_MAX).contains(&sealed_box.len()) {
            return Err(NotSealed);
        }
        Ok(Self { subject, sealed_box: sealed_box.into() })
    }

    /// Whose key opens it.
    pub fn subject(&self) -> Uuid {
        self.subject
    }

    pub fn sealed_box(&self) -> &str {
        &self.sealed_box
    }
}

#[derive(Deserialize)]
struct Unchecked {
    subject: Uuid,
    #[serde(rename = "box")]
    sealed_box: String,
}

impl TryFrom<Unchecked> for Sealed {
    type Error = NotSealed;

    fn try_from(unchecked: Unchecked) -> Result<Self, NotSealed> {
        Self::new(unchecked.subject, &unchecked.sealed_box)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_box_is_kept_as_it_is_and_names_its_subject() {
        let sealed = Sealed::new(Uuid::from_u128(7), "djE6AAEC/+==").unwrap();
        assert_eq!((sealed.subject(), sealed.sealed_box()), (Uuid::from_u128(7), "djE6AAEC/+=="));
        let written = json!({"subject": "00000000-0000-0000-0000-000000000007", "box": "djE6AAEC/+=="});
        assert_eq!(serde_json::to_value(&sealed).unwrap(), written);
        assert_eq!(serde_json::from_value::<Sealed>(written).unwrap(), sealed);
    }

    #[test]
    fn what_cannot_be_a_box_is_refused() {
        for bad in ["", "a b", "a\0", "é", &"x".repeat(BOX_BYTES_MAX + 1)] {
            assert_eq!(Sealed::new(Uuid::nil(), bad), Err(NotSealed));
        }
        assert!(Sealed::new(Uuid::nil(), &"x".repeat(BOX_BYTES_MAX)).is_ok());
        assert!(serde_json::from_value::<Sealed>(json!({"subject": Uuid::nil(), "box": ""})).is_err());
    }
}
