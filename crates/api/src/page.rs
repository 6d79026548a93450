//! Pages of a list on the wire: how many entries, and where the next ones are. What a cursor holds is the read model's to know.

use axum::http::Uri;
use projections::Part;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub const LIMIT_DEFAULT: u16 = 50;
pub const LIMIT_MAX: u16 = 200;

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

/// The part of a list that a client asks for.
pub(crate) fn part(limit: Limit, cursor: Option<String>) -> Part {
    Part { limit: projections::Limit::new(limit.get()).expect("a limit is within the bounds"), cursor }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Pass it on as `cursor`, with the same filters; null on the last page.
    pub next_cursor: Option<String>,
}

/// The `Link` header to the next page: the address asked for, with the cursor put in.
pub(crate) fn next_link(cursor: Option<&str>, uri: &Uri) -> Option<String> {
    let cursor = cursor?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_link_keeps_the_filters() {
        let link = |uri: &str| next_link(Some("abc"), &uri.parse().expect("a URI")).expect("there is a next page");
        assert_eq!(link("/v1/orders"), "</v1/orders?cursor=abc>; rel=\"next\"");
        assert_eq!(link("/v1/orders?sku=a&cursor=x&limit=5"), "</v1/orders?sku=a&limit=5&cursor=abc>; rel=\"next\"");
        assert_eq!(next_link(None, &"/v1/orders".parse().expect("a URI")), None);
    }

    #[test]
    fn a_limit_is_1_to_200() {
        assert_eq!(Limit::default().get(), 50);
        assert!(Limit::try_from(1).is_ok() && Limit::try_from(200).is_ok());
        assert!([0, -1, 201, i64::MAX].into_iter().all(|limit| Limit::try_from(limit).is_err()));
        assert_eq!(part(Limit::default(), None).limit, projections::Limit::default());
    }
}
