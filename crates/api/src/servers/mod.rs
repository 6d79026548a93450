//! The servers Daybook starts for itself: a private Postgres and an in-process Kafka broker.
//!
//! For `daybook dev`, `daybook load` and the tests. A server started here dies with its starter, however that ends.
//! Must not know what Daybook keeps in them: no migration, no table, no topic name.
//!
//! - [`folder`]: the data folder, one Daybook at a time, and the secrets in it
//! - [`supervise`]: a started program never outlives us, not even when we are killed with SIGKILL
//! - [`postgres`]: finds, creates and starts a Postgres cluster in a data folder
//! - [`mock_broker`]: a Kafka broker inside this process

pub mod folder;
pub mod mock_broker;
pub mod postgres;
pub mod supervise;
