//! Settings of the connections for what stands beside the book: what processes remember, and the keys of persons.

use sqlx::postgres::PgConnectOptions;

/// Commits do not wait for the disk; the book's do, and they take everything that was committed before them along, for it
/// is one log. So nothing that the book relies on can be lost with a crash of Postgres: the key of a person is committed
/// before the event that is sealed under it. What can be lost is what came after the book's last event: a process then
/// reacts again, or a call is made again, each under the same key as the first time.
#[must_use]
pub fn beside_the_book(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("synchronous_commit", "off")])
}
