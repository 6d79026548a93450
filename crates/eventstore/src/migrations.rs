//! The one ordered history of the database's schema: of the book, and of everything else that Daybook keeps in
//! Postgres.

use sqlx::migrate::Migrator;

/// Run as the owner of the schemas, never as the role that the server logs in with.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../schemas/migrations");
