//! Pages of a list: how many, from where, and where the next one is. A cursor is opaque to the client and stands for the key
//! of the last entry seen, so that pages neither repeat nor skip entries when the list changes.

use axum::http::Uri;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::problem::{Place, Problem};
use crate::problems::{Code, FieldCode};

pub const LIMIT_DEFAULT: u16 = 50;
pub const LIMIT_MAX: u16 = 200;

/// Longer than any key of a list, short enough to decode without a thought.
const CURSOR_BYTES_MAX: usize = 1024;

const CHECKSUM_BYTES: usize = 8;

/// How many entries a page may have: `#[serde(default)] limit: Limit` in the type of the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = u16, minimum = 1, maximum = 200, default = 50)]
pub struct Limit(u16);

impl Limit {
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl TryFrom<i64> for Limit {
    type Error = &'static str;

    fn try_from(limit: i64) -> Result<Self, &'static str> {
        match u16::try_from(limit) {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(Self(limit)),
            _ => Err("must be 1 to 200"),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Pass it on as `cursor`, with the same filters; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The `Link` header to the next page: the address asked for, with the cursor put in.
    pub(crate) fn next_link(&self, uri: &Uri) -> Option<String> {
        let cursor = self.next_cursor.as_ref()?;
        let query = uri.query().unwrap_or_default();
        let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let mut link = format!("<{}?", uri.path());
        for pair in others {
            link.push_str(pair);
            link.push('&');
        }
        link.push_str(&format!("cursor={cursor}>; rel=\"next\""));
        Some(link)
    }
}

/// Makes the cursor that continues after `key` in the list that `list` describes: its name and its filters.
///
/// It is checked and not secret: what it opens is decided by the caller's own rights, asked anew with each page.
pub fn cursor_after(list: &impl Serialize, key: &impl Serialize) -> String {
    let key = serde_json::to_vec(key).expect("a key is a number, a string or a tuple of them");
    let mut bytes = checksum(list, &key).to_vec();
    bytes.extend_from_slice(&key);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the key back. A cursor that was altered, or comes from another list or other filters, is 400.
pub fn key_of_cursor<K: DeserializeOwned>(list: &impl Serialize, cursor: &str) -> Result<K, Problem> {
    open(list, cursor).ok_or_else(|| {
        let place = Place::Parameter("cursor".to_owned());
        Problem::new(Code::InvalidCursor).at(place, FieldCode::Malformed, "is not one of this list")
    })
}

fn open<K: DeserializeOwned>(list: &impl Serialize, cursor: &str) -> Option<K> {
    if cursor.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (sum, key) = bytes.split_at_checked(CHECKSUM_BYTES)?;
    (*sum == checksum(list, key)).then(|| serde_json::from_slice(key).ok()).flatten()
}

fn checksum(list: &impl Serialize, key: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let list = serde_json::to_vec(list).expect("filters are numbers and strings");
    let digest = Sha256::new().chain_update(list).chain_update(b"\n").chain_update(key).finalize();
    std::array::from_fn(|index| digest[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_key() {
        let cursor = cursor_after(&("orders", "paid"), &("2026-01-01T00:00:00Z", 7));
        let key: (String, i64) = key_of_cursor(&("orders", "paid"), &cursor).expect("unchanged");
        assert_eq!(key, ("2026-01-01T00:00:00Z".to_owned(), 7));
    }

    #[test]
    fn a_cursor_of_another_list_or_an_altered_one_is_refused() {
        let cursor = cursor_after(&("orders", "paid"), &7);
        let refused =
            |list: (&str, &str), cursor: &str| key_of_cursor::<i64>(&list, cursor).expect_err("refused").code();
        assert_eq!(refused(("orders", "pending"), &cursor), Code::InvalidCursor);
        for text in ["", "!", "AAAA", &"A".repeat(5000), &cursor[1..], &format!("{cursor}AA")] {
            assert_eq!(refused(("orders", "paid"), text), Code::InvalidCursor, "{text}");
        }
        assert!(key_of_cursor::<String>(&("orders", "paid"), &cursor).is_err(), "a key of another type");
    }

    #[test]
    fn the_next_link_keeps_the_filters() {
        let page = Page::<u8> { data: vec![], next_cursor: Some("abc".to_owned()) };
        let link = |uri: &str| page.next_link(&uri.parse().expect("a URI")).expect("there is a next page");
        assert_eq!(link("/v1/orders"), "</v1/orders?cursor=abc>; rel=\"next\"");
        assert_eq!(link("/v1/orders?sku=a&cursor=x&limit=5"), "</v1/orders?sku=a&limit=5&cursor=abc>; rel=\"next\"");
    }

    #[test]
    fn a_limit_is_1_to_200() {
        assert_eq!(Limit::default().get(), 50);
        assert!(Limit::try_from(1).is_ok() && Limit::try_from(200).is_ok());
        assert!([0, -1, 201, i64::MAX].into_iter().all(|limit| Limit::try_from(limit).is_err()));
    }
}
