//! Pages of a collection: how many rows, from where, and what the next page is asked with.
//!
//! A cursor holds the sort key of the last row shown, so that rows which come in before it move nothing. It is opaque
//! and bound to the collection, its filters and its order: one that was shortened, changed or made for another list is
//! told from a good one. It is no secret and grants nothing: whoever forged one would see what the filters let them see
//! anyway.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use sqlx::{Postgres, QueryBuilder};

use crate::read_models::QueryError;

/// Rows a page, if the client does not say.
const LIMIT_DEFAULT: u16 = 50;

/// Rows a page at the most: what a client can show, and a server can render within some milliseconds.
const LIMIT_MAX: u16 = 200;

/// Rows a page of a report: of numbers only, which are summed up anew for every page.
const REPORT_LIMIT_DEFAULT: u16 = 1_000;
const REPORT_LIMIT_MAX: u16 = 10_000;

const CHECK_BYTES: usize = 8;

/// How many rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    pub const MAX: Self = Self(LIMIT_MAX);

    #[must_use]
    pub fn new(rows: u16) -> Option<Self> {
        (1..=LIMIT_MAX).contains(&rows).then_some(Self(rows))
    }

    /// Of a report, which is read by programs.
    #[must_use]
    pub fn of_report(rows: u16) -> Option<Self> {
        (1..=REPORT_LIMIT_MAX).contains(&rows).then_some(Self(rows))
    }

    #[must_use]
    pub fn report_default() -> Self {
        Self(REPORT_LIMIT_DEFAULT)
    }

    /// One more than is shown tells whether there is a next page.
    pub(crate) fn rows_to_fetch(self) -> i64 {
        i64::from(self.0) + 1
    }

    fn rows(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

/// What a list can be sorted by, with the names that clients use.
pub trait SortKey: Copy + Default + 'static {
    const NAMES: &'static [(&'static str, Self)];
}

/// `price`, or `-price` for the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sort<K> {
    pub by: K,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the list can be sorted by {}, each also with a - in front", known.join(", "))]
pub struct UnknownSort {
    pub known: Vec<&'static str>,
}

impl<K: SortKey> FromStr for Sort<K> {
    type Err = UnknownSort;

    fn from_str(text: &str) -> Result<Self, UnknownSort> {
        let (wanted, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let found = K::NAMES.iter().find(|(name, _)| *name == wanted);
        let (_, by) = found.ok_or_else(|| UnknownSort { known: K::NAMES.iter().map(|(name, _)| *name).collect() })?;
        Ok(Self { by: *by, descending })
    }
}

/// Which part of a collection is asked for.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub limit: Limit,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub(crate) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(change).collect(), next_cursor: self.next_cursor }
    }
}

/// How a statement that lists a collection begins: with what it reflects. A list is whole only if nothing of its
/// projection is parked, for nobody knows what would have been in it.
pub(crate) const PROGRESS: &str = "SELECT progress.position, progress.lag_ms, \
     EXISTS (SELECT FROM projection.parked WHERE parked.schema_name = progress.schema_name) AS is_incomplete";

/// A type whose values can be bound to a statement.
pub(crate) trait Column: sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres> + Send + 'static {}

impl<T: sqlx::Type<Postgres> + for<'q> sqlx::Encode<'q, Postgres> + Send + 'static> Column for T {}

/// The cursors of one collection under one set of filters, in one order.
pub(crate) struct Cursors {
    scope: Vec<u8>,
}

impl Cursors {
    pub(crate) fn of(collection: &str, filter: &impl Serialize) -> Self {
        let scope =
            serde_json::to_vec(&(collection, filter)).expect("a filter is a plain struct of strings and numbers");
        Self { scope }
    }

    pub(crate) fn decode<K: DeserializeOwned>(&self, part: &Part) -> Result<Option<K>, QueryError> {
        let Some(cursor) = &part.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| QueryError::InvalidCursor)?;
        let (check, key) = bytes.split_at_checked(CHECK_BYTES).ok_or(QueryError::InvalidCursor)?;
        if check != self.check(key) {
            return Err(QueryError::InvalidCursor);
        }
        serde_json::from_slice(key).map(Some).map_err(|_| QueryError::InvalidCursor)
    }

    /// The end of a statement that lists `columns`, of which the second tells rows apart that are equal in the first.
    pub(crate) fn push_part<V, I>(
        &self,
        query: &mut QueryBuilder<Postgres>,
        part: &Part,
        columns: [&'static str; 2],
        descending: bool,
    ) -> Result<(), QueryError>
    where
        V: DeserializeOwned + Column,
        I: DeserializeOwned + Column,
    {
        let (beyond, direction) = if descending { ("<", " DESC") } else { (">", "") };
        let [value, id] = columns;
        if let Some((last_value, last_id)) = self.decode::<(V, I)>(part)? {
            query.push(format_args!(" AND ({value}, {id}) {beyond} ("));
            query.push_bind(last_value).push(", ").push_bind(last_id).push(")");
        }
        query.push(format_args!(" ORDER BY {value}{direction}, {id}{direction} LIMIT "));
        query.push_bind(part.limit.rows_to_fetch());
        Ok(())
    }

    fn encode(&self, key: &impl Serialize) -> String {
        let key = serde_json::to_vec(key).expect("a sort key is a plain tuple of strings and numbers");
        URL_SAFE_NO_PAD.encode([&self.check(&key)[..], &key[..]].concat())
    }

    fn check(&self, key: &[u8]) -> [u8; CHECK_BYTES] {
        let digest = Sha256::new().chain_update(&self.scope).chain_update([0]).chain_update(key).finalize();
        digest[..CHECK_BYTES].try_into().expect("a digest is longer than its check")
    }

    /// The rows as a page, of one row more than is to be shown if there are more.
    pub(crate) fn page<T, K: Serialize>(&self, part: &Part, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let has_more = rows.len() > part.limit.rows();
        rows.truncate(part.limit.rows());
        let next_cursor = rows.last().filter(|_| has_more).map(|last| self.encode(&key(last)));
        Page { data: rows, next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(cursor: &str) -> Part {
        Part { cursor: Some(cursor.to_owned()), ..Part::default() }
    }

    fn decode(cursors: &Cursors, cursor: &str) -> Result<Option<(i64, String)>, QueryError> {
        cursors.decode(&part(cursor))
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_made() {
        let cursors = Cursors::of("orders", &("confirmed",));
        let cursor = cursors.encode(&(7, "id"));
        assert_eq!(decode(&cursors, &cursor).unwrap(), Some((7, "id".to_owned())));
    }

    #[test]
    fn a_cursor_of_other_filters_is_refused() {
        let cursor = Cursors::of("orders", &("confirmed",)).encode(&(7, "id"));
        let others = Cursors::of("orders", &("shipped",));
        assert!(matches!(decode(&others, &cursor), Err(QueryError::InvalidCursor)));
    }

    #[test]
    fn a_cursor_that_was_changed_anywhere_is_refused() {
        let cursors = Cursors::of("orders", &());
        let cursor = cursors.encode(&(7, "id"));
        for place in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(matches!(decode(&cursors, &changed), Err(QueryError::InvalidCursor)), "{changed}");
        }
    }

    #[test]
    fn garbage_is_refused_and_does_not_panic() {
        let cursors = Cursors::of("orders", &());
        for garbage in ["", "A", "not base64!", "AAAAAAAAAAA", &"A".repeat(10_000)] {
            assert!(matches!(decode(&cursors, garbage), Err(QueryError::InvalidCursor)), "{garbage}");
        }
    }

    #[test]
    fn only_a_full_page_with_more_behind_it_has_a_cursor() {
        let cursors = Cursors::of("orders", &());
        let two = Part { limit: Limit::new(2).unwrap(), cursor: None };
        assert_eq!(cursors.page(&two, vec![1, 2], |row| *row).next_cursor, None);
        let page = cursors.page(&two, vec![1, 2, 3], |row| *row);
        assert_eq!(page.data, [1, 2]);
        let next = Part { cursor: page.next_cursor, ..two };
        assert_eq!(cursors.decode::<i32>(&next).unwrap(), Some(2));
    }

    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    enum By {
        #[default]
        Price,
    }

    impl SortKey for By {
        const NAMES: &'static [(&'static str, Self)] = &[("price", Self::Price)];
    }

    #[test]
    fn a_sort_order_is_a_name_of_the_list_with_or_without_a_minus() {
        assert_eq!("price".parse(), Ok(Sort { by: By::Price, descending: false }));
        assert_eq!("-price".parse(), Ok(Sort { by: By::Price, descending: true }));
        assert_eq!("--price".parse::<Sort<By>>(), Err(UnknownSort { known: vec!["price"] }));
    }

    #[test]
    fn a_limit_is_1_to_200() {
        assert_eq!(Limit::new(0), None);
        assert_eq!(Limit::new(201), None);
        assert_eq!(Limit::new(200), Some(Limit::MAX));
    }
}
