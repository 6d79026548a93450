//! The book: one append-only, dense and chained log of events in Postgres. Knows no cart.
//!
//! - `event`: what stands on a page; `canonical`: the bytes that are hashed, and the chain
//! - `draft`: the pages that are to be appended; `book`: the writer; `append`: its statement and the answers; `session`, `turn`: its connection, and its turn
//! - `idempotency`: the keys that are stored with the events of a command
//! - `read`: pages and streams; `snapshot`: where a long stream stood, so that it is not read from its beginning
//! - `follow`: the same for whoever keeps up with the book, checked; `feed`: one reading for all of them in a process;
//!   `verify`: for whoever doubts it
//! - `publisher`: the book into Kafka
//! - `failpoint`, `planted`: what the fault harness makes of a program, in builds for it alone
//! - `migrations`: the schema, of the book and of everything else

mod append;
pub mod book;
mod canonical;
mod draft;
pub mod event;
pub mod failpoint;
pub mod feed;
pub mod follow;
pub mod idempotency;
mod migrations;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod publisher;
mod raw_json;
pub mod read;
pub mod session;
pub mod snapshot;
mod turn;
pub mod verify;

pub use book::{AppendError, Writer};
pub use canonical::HASH_SPECIFICATION;
pub use draft::Draft;
pub use event::{Hash, NewEvent, Point, Position, RecordedEvent, StreamId};
pub use feed::Feed;
pub use follow::{FollowError, Follower, HeadWatch};
pub use idempotency::{NewKey, StoredKey};
pub use migrations::MIGRATOR;
pub use read::{Book, Head, ReadError, Title};
pub use verify::{Extent, Fault, Verified, VerifyError, verify};
