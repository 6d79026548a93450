//! What is hashed, and how: the canonical bytes of a page and the chain over the pages. ARCHITECTURE.md specifies both
//! for whoever writes a verifier; a change here is a new version of that specification.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::event::Hash;

/// Written on the title page of every book that is hashed in this way.
pub const HASH_SPECIFICATION: i32 = 1;

/// Keep apart what a page hashes to and what the chain does, so that neither can be passed off as the other.
const LEAF: [u8; 1] = [0x00];
const CHAIN: [u8; 1] = [0x01];

/// Everything that the hash of a page covers, borrowed from an event that is to be written or that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) position: i64,
    pub(crate) category: &'a str,
    pub(crate) stream_id: Uuid,
    pub(crate) stream_version: i64,
    pub(crate) event_type: &'a str,
    pub(crate) schema_version: i32,
    pub(crate) recorded_at_us: i64,
    pub(crate) payload: &'a str,
    pub(crate) metadata: &'a str,
}

impl Page<'_> {
    pub(crate) fn chained_to(&self, previous: Hash) -> Hash {
        let leaf = Sha256::new().chain_update(LEAF).chain_update(self.canonical_bytes()).finalize();
        Hash(Sha256::new().chain_update(CHAIN).chain_update(previous.0).chain_update(leaf).finalize().into())
    }

    fn canonical_bytes(&self) -> Vec<u8> {
        let fields: [&[u8]; 9] = [
            &self.position.to_be_bytes(),
            self.category.as_bytes(),
            self.stream_id.as_bytes(),
            &self.stream_version.to_be_bytes(),
            self.event_type.as_bytes(),
            &i64::from(self.schema_version).to_be_bytes(),
            &self.recorded_at_us.to_be_bytes(),
            self.payload.as_bytes(),
            self.metadata.as_bytes(),
        ];
        let mut bytes = Vec::with_capacity(fields.iter().map(|field| size_of::<u32>() + field.len()).sum());
        for field in fields {
            let length = u32::try_from(field.len()).expect("Postgres stores no value of 4 GiB");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::*;

    fn page() -> Page<'static> {
        Page {
            position: 1,
            category: "cart",
            stream_id: uuid!("01900000-0000-7000-8000-000000000001"),
            stream_version: 1,
            event_type: "cart.opened",
            schema_version: 1,
            recorded_at_us: 1_767_225_600_123_456,
            payload: r#"{"currency": "GBP"}"#,
            metadata: r#"{"actor":"Zoë"}"#,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // Both vectors were computed in Python from the specification; they stand in ARCHITECTURE.md too.

    #[test]
    fn the_canonical_bytes_are_those_of_the_specification() {
        let expected = concat!(
            "000000080000000000000001",
            "0000000463617274",
            "0000001001900000000070008000000000000001",
            "000000080000000000000001",
            "0000000b636172742e6f70656e6564",
            "000000080000000000000001",
            "000000080006474846222240",
            "000000137b2263757272656e6379223a2022474250227d",
            "000000107b226163746f72223a225a6fc3ab227d",
        );
        assert_eq!(hex(&page().canonical_bytes()), expected);
    }

    #[test]
    fn the_chain_is_that_of_the_specification() {
        let expected = "c2fb7c5d01121f1f10d4be9f048c35436646448a9a4052b14ae0d4d3d633bf98";
        assert_eq!(page().chained_to(Hash::ZERO).to_string(), expected);
    }

    #[test]
    fn every_field_and_the_page_before_are_covered() {
        let page = page();
        let changed = [
            Page { position: 2, ..page },
            Page { category: "carts", ..page },
            Page { stream_id: Uuid::nil(), ..page },
            Page { stream_version: 2, ..page },
            Page { event_type: "cart.closed", ..page },
            Page { schema_version: 2, ..page },
            Page { recorded_at_us: 1_767_225_600_123_457, ..page },
            Page { payload: r#"{"currency":"GBP"}"#, ..page },
            Page { metadata: "{}", ..page },
        ];
        let hash = page.chained_to(Hash::ZERO);
        for other in changed {
            assert_ne!(other.chained_to(Hash::ZERO), hash, "{other:?}");
        }
        assert_ne!(page.chained_to(Hash([1; 32])), hash);
    }

    #[test]
    fn a_letter_moved_from_one_field_to_the_next_changes_the_hash() {
        let left = Page { payload: "12", metadata: "3", ..page() };
        let right = Page { payload: "1", metadata: "23", ..page() };
        assert_ne!(left.chained_to(Hash::ZERO), right.chained_to(Hash::ZERO));
    }
}
