//! What every aggregate is: a life folded from events, and a decision over it.
//!
//! An aggregate knows no clock, no randomness, no storage: what a rule needs arrives in the command.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// One aggregate: its state is the fold of its events, and its rules are one function over that state.
pub trait Aggregate {
    /// The category its streams carry, and the first half of its events' names.
    const CATEGORY: &'static str;

    /// Of the state's serialised form, and of what events make of it: a snapshot of another version is folded anew. It
    /// rises with every change of either, and with every new event type or version, so that no program goes by the
    /// snapshot of a stream whose events it could not read. `tests/states.rs` sees to it.
    const STATE_VERSION: i32;

    type State: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    type Command;
    type Event: EventKind;
    type Error: std::error::Error + Clone + PartialEq;

    /// The state of a stream without events.
    fn initial() -> Self::State;

    /// Every rule lives here. A command that is already satisfied decides no events.
    fn decide(state: &Self::State, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// No rule lives here: an event is a fact, so this never fails and matches every variant.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// About how many bytes the state holds, so that caches can be bounded.
    fn weight(state: &Self::State) -> usize;
}

/// The state after these events.
pub fn fold<'a, A: Aggregate<Event: 'a>>(state: A::State, events: impl IntoIterator<Item = &'a A::Event>) -> A::State {
    events.into_iter().fold(state, A::evolve)
}

/// What a refusal shows of the commands that would have been accepted.
pub fn listed(allowed: &[&str]) -> String {
    if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
}

/// Of these commands, each with whether it would change something now, those that would.
pub(crate) fn acceptable<const COUNT: usize>(commands: [(&'static str, bool); COUNT]) -> Vec<&'static str> {
    commands.into_iter().filter(|(_, would)| *would).map(|(name, _)| name).collect()
}

/// How an aggregate's events are named and written. Implemented by [`events!`](crate::events).
pub trait EventKind: Clone + fmt::Debug + PartialEq + Sized + Send + Sync + 'static {
    /// Every event type of the category, with the schema version that is written today.
    const TYPES: &'static [(&'static str, i32)];

    /// The public, stored name: `cart.item_added`.
    fn event_type(&self) -> &'static str;

    /// The version of the payload's schema, as written.
    fn schema_version(&self) -> i32;

    /// The payload's JSON.
    fn to_payload(&self) -> String;

    /// Reads back what `to_payload` wrote, in this release or in any before it: the one place in which stored events
    /// become events of the domain.
    fn from_payload(event_type: &str, schema_version: i32, payload: &str) -> Result<Self, UnreadableEvent>;
}

/// A stored event that this program cannot read: its type is unknown, its version newer, or its payload of another shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableEvent {
    #[error("event type {event_type} is unknown")]
    UnknownType { event_type: String },
    #[error("{event_type} has schema version {found}, and this program reads up to {readable}")]
    FutureVersion { event_type: String, found: i32, readable: i32 },
    #[error("the payload of {event_type} has another shape: {reason}")]
    Payload { event_type: String, reason: String },
    #[error("{event_type} of schema version {version} cannot be brought to today's: {reason}")]
    Upcast { event_type: String, version: i32, reason: String },
}

/// Declares the events of one category: an enum with one variant a type, each holding its payload struct,
/// next to the name and the schema version under which it is stored. From version 2 on the [upcasters](crate::upcast)
/// follow, one from each version to the next, so that every version ever written is read.
///
/// ```
/// domain::events! {
///     pub enum Event {
///         Opened(Opened) = "door.opened" v2 from [name_becomes_by],
///     }
/// }
/// #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// pub struct Opened { pub by: String }
///
/// fn name_becomes_by(mut payload: domain::upcast::Payload) -> Result<domain::upcast::Payload, String> {
///     let name = payload.remove("name").ok_or("nobody is named")?;
///     payload.insert("by".to_owned(), name);
///     Ok(payload)
/// }
/// # fn main() {}
/// ```
///
/// A version without its upcaster does not compile:
///
/// ```compile_fail
/// domain::events! {
///     pub enum Event {
///         Opened(Opened) = "door.opened" v2,
///     }
/// }
/// #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
/// pub struct Opened { pub by: String }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! events {
    (
        $(#[$meta:meta])* $visible:vis enum $name:ident {
            $($variant:ident($payload:ty) = $event_type:literal $version:ident $(from [$($upcaster:path),+ $(,)?])?),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $visible enum $name { $($variant($payload)),+ }

        impl $crate::aggregate::EventKind for $name {
            const TYPES: &'static [(&'static str, i32)] = &[$(($event_type, $crate::events!(@version $version))),+];

            fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $event_type),+ }
            }

            fn schema_version(&self) -> i32 {
                match self { $(Self::$variant(_) => $crate::events!(@version $version)),+ }
            }

            fn to_payload(&self) -> String {
                match self { $(Self::$variant(payload) => $crate::aggregate::write_payload(payload)),+ }
            }

            fn from_payload(event_type: &str, schema_version: i32, payload: &str) -> Result<Self, $crate::aggregate::UnreadableEvent> {
                match event_type {
                    $($event_type => {
                        const UPCASTERS: &[$crate::upcast::Upcaster] = &[$($($upcaster),+)?];
                        const { assert!(
                            $crate::upcast::version_after(UPCASTERS) == $crate::events!(@version $version),
                            "an upcaster from each version to the next, from version 1 to the one that is written"
                        ) };
                        $crate::upcast::read_payload(event_type, UPCASTERS, schema_version, payload).map(Self::$variant)
                    })+
                    _ => Err($crate::aggregate::UnreadableEvent::UnknownType { event_type: event_type.to_owned() }),
                }
            }
        }
    };
    (@version v1) => { 1 };
    (@version v2) => { 2 };
    (@version v3) => { 3 };
}

#[doc(hidden)]
pub fn write_payload<T: serde::Serialize>(payload: &T) -> String {
    serde_json::to_string(payload).expect("a payload is a plain struct of strings, integers and lists")
}
