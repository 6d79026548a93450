//! I4: positions are dense, versions count from 1, and whoever read the tail while it grew saw this very book.

use std::collections::HashMap;

use eventstore::StreamId;

use crate::evidence::Evidence;

pub(super) fn streams_and_readers_are_in_order(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    let mut versions: HashMap<&StreamId, i64> = HashMap::new();
    for (expected, event) in (0..).zip(&evidence.book) {
        if event.position.0 != expected {
            violations.push(format!("position {} stands where {expected} belongs", event.position));
            break;
        }
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        if event.stream_version != *version {
            let (stream, found) = (&event.stream, event.stream_version);
            violations.push(format!("position {expected}: {stream} has version {found} where {version} comes next"));
        }
    }
    for (number, tail) in evidence.tails.iter().enumerate() {
        let differs =
            (0..).zip(tail).find(|(at, seen)| evidence.event(*at).is_none_or(|event| event.point() != **seen));
        if let Some((at, seen)) = differs {
            violations.push(format!(
                "reader {number} saw {}:{} as page {at}, which the book has not",
                seen.position, seen.hash
            ));
        }
    }
    if evidence.tails.iter().all(Vec::is_empty) && !evidence.tails.is_empty() {
        violations.push("no reader has seen anything".to_owned());
    }
    violations
}
