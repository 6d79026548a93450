//! Starts a private Postgres in the folder it is given, prints where it is, and stops it when standard input ends.
//! A test kills this program to see that the server goes with it.

use api::servers::{
    folder::Folder,
    postgres::{DATABASE, Durability, Postgres},
};
use std::{
    io::{Read as _, Write as _},
    path::Path,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: postgres FOLDER")?;
    let folder = Folder::open(Path::new(&path))?;
    let postgres = Postgres::start(&folder, Durability::Durable, support::postgres::pg_bin().as_deref()).await?;
    let pid = postgres.pid().ok_or("a ready server has a pid")?;
    // One write: the test may have read what it wanted after the first line.
    let text = format!("pid: {pid}\npostgres: {}\n", postgres.owner_url(DATABASE));
    std::io::stdout().write_all(text.as_bytes())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    postgres.stop()?;
    Ok(())
}
