//! Old payloads in today's shape. An event keeps the schema version that it was written with, for ever: what is read is
//! brought up, one version at a time, by pure functions over its JSON, and only then decoded.
//!
//! An upcaster stands beside the event that it belongs to, in [`events!`](crate::events). Once an event type has a
//! version, that version is in somebody's book: its upcaster, and its schema with the examples, are never taken away.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::aggregate::UnreadableEvent;

/// The payload as an object: every payload ever written is one.
pub type Payload = Map<String, Value>;

/// From one version of an event type's payload to the next; or why this one cannot be brought there. It may add what has
/// one right value, rename and regroup. What it cannot know it must not guess.
pub type Upcaster = fn(Payload) -> Result<Payload, String>;

/// The version that is written today: each upcaster leads from one version to the next, the first from version 1.
#[doc(hidden)]
pub const fn version_after(upcasters: &[Upcaster]) -> i32 {
    upcasters.len() as i32 + 1
}

/// Decodes a payload of any version up to today's. One of today's costs nothing more than its decoding.
#[doc(hidden)]
pub fn read_payload<T: DeserializeOwned>(
    event_type: &str,
    upcasters: &[Upcaster],
    found: i32,
    payload: &str,
) -> Result<T, UnreadableEvent> {
    let readable = version_after(upcasters);
    if found > readable {
        // Never a guess: a release that does not know the version does not know what the fields of it mean.
        return Err(UnreadableEvent::FutureVersion { event_type: event_type.to_owned(), found, readable });
    }
    let malformed = |error: serde_json::Error| UnreadableEvent::Payload {
        event_type: event_type.to_owned(),
        reason: error.to_string(),
    };
    if found == readable {
        return serde_json::from_str(payload).map_err(malformed);
    }
    let failed = |reason: String| UnreadableEvent::Upcast { event_type: event_type.to_owned(), version: found, reason };
    let place = usize::try_from(found - 1).map_err(|_| failed("versions begin at 1".to_owned()))?;
    let written: Payload = serde_json::from_str(payload).map_err(malformed)?;
    // The event stands in the book: a panic here would come again after every restart, in whatever task reads it.
    let brought_up = catch_unwind(AssertUnwindSafe(|| bring_up(written, &upcasters[place..])));
    let today = brought_up.unwrap_or_else(|_| Err("the upcaster panics".to_owned())).map_err(failed)?;
    T::deserialize(Value::Object(today)).map_err(malformed)
}

fn bring_up(payload: Payload, upcasters: &[Upcaster]) -> Result<Payload, String> {
    upcasters.iter().try_fold(payload, |payload, upcaster| upcaster(payload))
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::aggregate::EventKind;

    crate::events! {
        enum Event {
            Opened(Opened) = "door.opened" v3 from [name_becomes_by, by_whom_and_how],
            Closed(Closed) = "door.closed" v1,
            Knocked(Knocked) = "door.knocked" v2 from [panics],
        }
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Opened {
        by: Person,
        with_key: bool,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Person {
        name: String,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Closed {}

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Knocked {}

    fn name_becomes_by(mut payload: Payload) -> Result<Payload, String> {
        let name = payload.remove("name").ok_or("nobody is named")?;
        payload.insert("by".to_owned(), name);
        Ok(payload)
    }

    /// Before this version every door was opened with a key.
    fn by_whom_and_how(mut payload: Payload) -> Result<Payload, String> {
        let name = payload.remove("by").ok_or("it is not said by whom")?;
        payload.insert("by".to_owned(), json!({ "name": name }));
        payload.insert("with_key".to_owned(), json!(true));
        Ok(payload)
    }

    fn panics(_: Payload) -> Result<Payload, String> {
        panic!("a test's panic")
    }

    fn opened(name: &str, with_key: bool) -> Event {
        Event::Opened(Opened { by: Person { name: name.to_owned() }, with_key })
    }

    #[test]
    fn a_payload_of_every_version_ever_written_is_read_as_todays_event() {
        let read = |version, payload| Event::from_payload("door.opened", version, payload).unwrap();
        assert_eq!(read(1, r#"{"name":"Ada"}"#), opened("Ada", true));
        assert_eq!(read(2, r#"{"by":"Ada"}"#), opened("Ada", true));
        assert_eq!(read(3, r#"{"by":{"name":"Ada"},"with_key":false}"#), opened("Ada", false));
    }

    #[test]
    fn what_is_written_has_todays_version() {
        assert_eq!(Event::TYPES, [("door.opened", 3), ("door.closed", 1), ("door.knocked", 2)]);
        let event = opened("Ada", false);
        assert_eq!(
            (event.schema_version(), event.to_payload()),
            (3, r#"{"by":{"name":"Ada"},"with_key":false}"#.into())
        );
    }

    #[test]
    fn a_field_of_a_later_release_is_carried_through_and_ignored() {
        let read = Event::from_payload("door.opened", 1, r#"{"name":"Ada","mood":"good"}"#);
        assert_eq!(read, Ok(opened("Ada", true)));
    }

    #[test]
    fn a_version_that_is_newer_than_this_program_is_never_guessed_at() {
        // As an older version it would read very well.
        let read = Event::from_payload("door.opened", 4, r#"{"by":{"name":"Ada"},"with_key":false}"#);
        let future = UnreadableEvent::FutureVersion { event_type: "door.opened".into(), found: 4, readable: 3 };
        assert_eq!(read, Err(future));
    }

    #[test]
    fn an_upcaster_says_why_it_cannot_and_one_that_panics_takes_nobody_with_it() {
        let failed = |event_type: &str, version, reason: &str| {
            Err(UnreadableEvent::Upcast { event_type: event_type.into(), version, reason: reason.into() })
        };
        assert_eq!(Event::from_payload("door.opened", 1, "{}"), failed("door.opened", 1, "nobody is named"));
        assert_eq!(Event::from_payload("door.opened", 2, "{}"), failed("door.opened", 2, "it is not said by whom"));
        assert_eq!(Event::from_payload("door.knocked", 1, "{}"), failed("door.knocked", 1, "the upcaster panics"));
        assert_eq!(Event::from_payload("door.knocked", 2, "{}"), Ok(Event::Knocked(Knocked {})));
        assert_eq!(Event::from_payload("door.opened", 0, "{}"), failed("door.opened", 0, "versions begin at 1"));
    }

    #[test]
    fn an_old_payload_that_is_no_object_or_comes_to_no_event_is_of_another_shape() {
        for payload in ["[]", "{", r#"{"name":7}"#] {
            let read = Event::from_payload("door.opened", 1, payload);
            assert!(matches!(read, Err(UnreadableEvent::Payload { .. })), "{payload}: {read:?}");
        }
    }
}
