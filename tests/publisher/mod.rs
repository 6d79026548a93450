//! The publisher against a real Kafka, and once against the broker inside this process: what is in the topics is what is in the
//! book, whatever happened on the way.

mod asyncapi;
mod books;
mod broker_killed;
mod console;
mod crashes;
mod in_process;
mod order;
mod refusals;
pub(crate) mod topics;
