//! What else is to be said of a product: a flat JSON object of at most 32 entries.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::ids::Text;

pub type AttributeName = Text<64>;

/// One merge patch of attributes: a null takes an entry away.
pub type AttributesPatch = BTreeMap<AttributeName, Option<Scalar>>;

/// A value that is neither a list nor an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a text, a number, true or false")]
pub enum Scalar {
    Flag(bool),
    Number(serde_json::Number),
    Text(Text<500>),
}

/// Sorted by name and shared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<AttributeName, Scalar>")]
pub struct Attributes(Arc<BTreeMap<AttributeName, Scalar>>);

impl Attributes {
    pub const ENTRIES_MAX: usize = 32;

    pub fn new(entries: BTreeMap<AttributeName, Scalar>) -> Result<Self, Error> {
        if entries.len() > Self::ENTRIES_MAX {
            return Err(Error::TooManyAttributes { found: entries.len(), max: Self::ENTRIES_MAX });
        }
        Ok(Self(Arc::new(entries)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&AttributeName, &Scalar)> {
        self.0.iter()
    }

    pub fn patched(&self, patch: AttributesPatch) -> Result<Self, Error> {
        let mut entries = BTreeMap::clone(&self.0);
        for (name, value) in patch {
            match value {
                Some(value) => entries.insert(name, value),
                None => entries.remove(&name),
            };
        }
        Self::new(entries)
    }

    pub(super) fn weight(&self) -> usize {
        let entry = |(name, value): (&AttributeName, &Scalar)| {
            let text = if let Scalar::Text(text) = value { text.as_str().len() } else { 0 };
            size_of::<(AttributeName, Scalar)>() + name.as_str().len() + text
        };
        self.0.iter().map(entry).sum()
    }
}

impl TryFrom<BTreeMap<AttributeName, Scalar>> for Attributes {
    type Error = Error;

    fn try_from(entries: BTreeMap<AttributeName, Scalar>) -> Result<Self, Error> {
        Self::new(entries)
    }
}
