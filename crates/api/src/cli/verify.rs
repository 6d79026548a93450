//! `daybook verify`: walks the book and names the first position that is wrong.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use eventstore::verify::Extent;
use eventstore::{Book, Hash, Point, Position};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::runtime::Runtime;

use super::book::BookArgs;
use super::{Failure, say};

#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    book: BookArgs,
    /// The first position
    #[arg(long, default_value_t = 0, value_name = "POSITION")]
    from: i64,
    /// The last position [default: the head]
    #[arg(long, value_name = "POSITION")]
    to: Option<i64>,
    /// A head that was noted before, as this command prints it: it must still be in the book
    #[arg(long, value_name = "POSITION:HASH", value_parser = parse_point)]
    expect: Option<Point>,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let runtime = Runtime::new().map_err(|error| Failure::fault(&error))?;
        runtime.block_on(self.verify())
    }

    async fn verify(self) -> Result<ExitCode, Failure> {
        let book = Book::new(self.book.pool().await?);
        let head = book.head().await.map_err(|error| Failure::fault(&error))?.point.position;
        let extent = Extent { from: Position(self.from), to: self.to.map(Position), expected: self.expect };
        let bar = ProgressBar::new(u64::try_from(self.to.unwrap_or(head.0) - self.from).unwrap_or(0));
        bar.set_style(
            ProgressStyle::with_template("{bar:40} {percent:>3}% {pos}/{len} {per_sec}").expect("a valid template"),
        );
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let started = Instant::now();
        let verified = eventstore::verify::verify(&book, extent, |position| {
            bar.set_position(u64::try_from(position.0 - self.from).unwrap_or(0));
        })
        .await;
        bar.finish_and_clear();
        let verified = verified.map_err(|error| Failure::fault(&error))?;
        let seconds = started.elapsed().as_secs_f64();
        let (events, head) = (verified.events, verified.head);
        let per_second = events as f64 / seconds.max(0.001);
        say(&format!("verified: {events} events, {per_second:.0} events/s\nhead: {}:{}\n", head.position, head.hash))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn parse_point(text: &str) -> Result<Point, &'static str> {
    const WRONG: &str = "a head is POSITION:HASH, the hash in 64 hexadecimal digits";
    let (position, hash) = text.split_once(':').ok_or(WRONG)?;
    let position = Position(position.parse().map_err(|_| WRONG)?);
    let mut bytes = [0; 32];
    if hash.len() != 2 * bytes.len() || !hash.is_ascii() {
        return Err(WRONG);
    }
    for (byte, digits) in bytes.iter_mut().zip(hash.as_bytes().chunks(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| WRONG)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
    }
    Ok(Point { position, hash: Hash(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let point = Point { position: Position(7), hash: Hash([0xab; 32]) };
        assert_eq!(parse_point(&format!("{}:{}", point.position, point.hash)), Ok(point));
        for text in ["", "7", "7:", "x:00", "7:zz", "7:é"] {
            assert!(parse_point(text).is_err(), "{text}");
        }
    }
}
