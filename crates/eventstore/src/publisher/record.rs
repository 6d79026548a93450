//! An event as a Kafka record: CloudEvents 1.0 in binary mode. Knows nothing of brokers.
//!
//! The headers, the key and the value hold every byte that the event's hash covers, and the hash of the page before. So whoever has
//! one record can verify it, and whoever has all topics can follow the chain from record to record.

use std::borrow::Cow;

use chrono::SecondsFormat;
use rdkafka::message::{Header, OwnedHeaders};
use serde::Deserialize;
use uuid::Uuid;

use crate::event::{Hash, RecordedEvent};

/// Says which event of the book a record is; for whoever compares topics with the book.
pub const POSITION_HEADER: &str = "ce_position";
pub const HASH_HEADER: &str = "ce_hash";

/// The headers of every record, in the order in which they are written.
pub(super) const HEADERS: [&str; 14] = [
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_dataschema",
    "content-type",
    POSITION_HEADER,
    "ce_streamversion",
    "ce_schemaversion",
    HASH_HEADER,
    "ce_previoushash",
    "ce_metadata",
];

/// Copied out of the metadata where it has them, for consumers that trace or filter without parsing it.
pub(super) const OPTIONAL_HEADERS: [&str; 2] = ["ce_correlationid", "ce_traceparent"];

const CONTENT_TYPE: &str = "application/json";

/// All that stands in front of a record's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    /// The stream's id: the events of one stream are in one partition, in order.
    pub(super) key: String,
    pub(super) headers: Vec<(&'static str, Cow<'a, str>)>,
}

impl<'a> Envelope<'a> {
    pub(super) fn new(event: &'a RecordedEvent, previous: Hash, book_id: Uuid) -> Self {
        let position = event.position.to_string();
        let values: [Cow<'a, str>; HEADERS.len()] = [
            "1.0".into(),
            position.clone().into(),
            source(book_id).into(),
            event.event_type.as_str().into(),
            event.stream.to_string().into(),
            // Microseconds, all six digits: this is what was hashed.
            event.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true).into(),
            data_schema(&event.event_type, event.schema_version).into(),
            CONTENT_TYPE.into(),
            position.into(),
            event.stream_version.to_string().into(),
            event.schema_version.to_string().into(),
            event.hash.to_string().into(),
            previous.to_string().into(),
            event.metadata.as_str().into(),
        ];
        let mut headers = Vec::with_capacity(HEADERS.len() + OPTIONAL_HEADERS.len());
        headers.extend(HEADERS.into_iter().zip(values));
        let traced = Traced::in_metadata(&event.metadata);
        let optional = OPTIONAL_HEADERS.into_iter().zip([traced.correlation_id, traced.traceparent]);
        headers.extend(optional.filter_map(|(name, value)| Some((name, value?))));
        Self { key: event.stream.id.to_string(), headers }
    }

    pub(super) fn kafka_headers(&self) -> OwnedHeaders {
        let headers = OwnedHeaders::new_with_capacity(self.headers.len());
        self.headers
            .iter()
            .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_bytes()) }))
    }
}

/// The book, as the `source` of its events: with the position as `id` it names an event among all books.
fn source(book_id: Uuid) -> String {
    format!("urn:uuid:{book_id}")
}

/// Names the JSON Schema of the payload, `schemas/events/<event type>.v<version>.json`.
pub(super) fn data_schema(event_type: &str, schema_version: i32) -> String {
    format!("urn:daybook:schema:{event_type}.v{schema_version}")
}

/// What of the metadata gets a header of its own. Metadata that does not have it, or is not an object, is no error here.
#[derive(Default, Deserialize)]
struct Traced<'a> {
    #[serde(borrow, default)]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    traceparent: Option<Cow<'a, str>>,
}

impl<'a> Traced<'a> {
    fn in_metadata(metadata: &'a str) -> Self {
        serde_json::from_str(metadata).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::uuid;

    use super::*;
    use crate::event::{Position, StreamId};

    fn event(metadata: &str) -> RecordedEvent {
        RecordedEvent {
            position: Position(42),
            stream: StreamId::new("order", uuid!("01900000-0000-7000-8000-000000000001")),
            stream_version: 3,
            event_type: "order.confirmed".to_owned(),
            schema_version: 2,
            payload: "{}".to_owned(),
            metadata: metadata.to_owned(),
            recorded_at: DateTime::from_timestamp_micros(1_767_225_600_120_000).unwrap(),
            hash: Hash([0xab; 32]),
        }
    }

    fn value<'a>(envelope: &'a Envelope<'_>, name: &str) -> Option<&'a str> {
        envelope.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_ref())
    }

    #[test]
    fn a_record_says_what_cloudevents_asks_for_and_all_that_the_hash_covers() {
        let event = event(r#"{"actor":"Zoë", "correlation_id":"c-1"}"#);
        let envelope = Envelope::new(&event, Hash([0x01; 32]), uuid!("6e8bc430-9c3a-11d9-9669-0800200c9a66"));
        assert_eq!(envelope.key, "01900000-0000-7000-8000-000000000001");
        let expected = [
            ("ce_specversion", "1.0"),
            ("ce_id", "42"),
            ("ce_source", "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66"),
            ("ce_type", "order.confirmed"),
            ("ce_subject", "order-01900000-0000-7000-8000-000000000001"),
            ("ce_time", "2026-01-01T00:00:00.120000Z"),
            ("ce_dataschema", "urn:daybook:schema:order.confirmed.v2"),
            ("content-type", "application/json"),
            ("ce_position", "42"),
            ("ce_streamversion", "3"),
            ("ce_schemaversion", "2"),
            ("ce_hash", &"ab".repeat(32)),
            ("ce_previoushash", &"01".repeat(32)),
            ("ce_metadata", r#"{"actor":"Zoë", "correlation_id":"c-1"}"#),
            ("ce_correlationid", "c-1"),
        ];
        let found: Vec<_> = envelope.headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn metadata_without_a_trace_or_of_another_shape_gets_no_header_for_it() {
        for metadata in ["{}", "[]", "null", r#"{"traceparent":null}"#, r#"{"traceparent":7}"#] {
            let event = event(metadata);
            let envelope = Envelope::new(&event, Hash::ZERO, Uuid::nil());
            assert_eq!(value(&envelope, "ce_traceparent"), None, "{metadata}");
            assert_eq!(value(&envelope, "ce_metadata"), Some(metadata));
        }
    }

    #[test]
    fn the_names_of_extensions_are_those_that_cloudevents_allows() {
        for name in HEADERS.iter().chain(&OPTIONAL_HEADERS).filter_map(|name| name.strip_prefix("ce_")) {
            assert!(name.len() <= 20 && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{name}");
        }
    }
}
