//! One member of a JSON Merge Patch (RFC 7396), which tells null from absent.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A member that was absent, null, or a value. Fields of this type are `#[serde(default, skip_serializing_if = "Patch::is_keep")]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The new value, where one is given.
    pub fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    pub(super) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl<T: PartialEq> Patch<T> {
    /// Keeps what is so already.
    pub(super) fn unless_already(self, current: &Option<T>) -> Self {
        match (&self, current) {
            (Self::Clear, None) => Self::Keep,
            (Self::Set(value), Some(current)) if value == current => Self::Keep,
            (Self::Keep | Self::Clear | Self::Set(_), _) => self,
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.set().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}
