//! As much of the Postgres protocol as it takes to know a commit when one goes by: the frontend's messages, without TLS.

use std::collections::HashSet;

/// A startup message has no type byte before its length.
const STARTUP_HEADER: usize = 4;
const HEADER: usize = 5;

/// Reads along with what one client sends.
#[derive(Debug, Default)]
pub(crate) struct Frontend {
    pending: Vec<u8>,
    started: bool,
    /// Prepared statements that append to the book.
    appends: HashSet<Vec<u8>>,
}

impl Frontend {
    /// Whether these bytes complete a message whose reply tells of a commit: an append, which commits by itself, or COMMIT.
    pub(crate) fn commits(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        let mut found = false;
        while let Some(length) = self.frame() {
            let frame: Vec<u8> = self.pending.drain(..length).collect();
            if self.started {
                found |= self.is_commit(frame[0], &frame[HEADER..]);
            }
            self.started = true;
        }
        found
    }

    /// The length of the first message, if all of it is here.
    fn frame(&self) -> Option<usize> {
        let (at, more) = if self.started { (1, 1) } else { (0, 0) };
        let length = self.pending.get(at..at + STARTUP_HEADER)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize + more;
        (self.pending.len() >= length).then_some(length)
    }

    fn is_commit(&mut self, kind: u8, body: &[u8]) -> bool {
        match kind {
            // Parse: the statement's name, then its text.
            b'P' => {
                if let Some((name, rest)) = text(body)
                    && let Some((statement, _)) = text(rest)
                {
                    let appends = contains(statement, b"INSERT INTO book.events");
                    if appends {
                        self.appends.insert(name.to_vec())
                    } else {
                        self.appends.remove(name)
                    };
                }
                false
            }
            // Bind: the portal, then the statement's name.
            b'B' => {
                let name = text(body).and_then(|(_, rest)| text(rest)).map(|(name, _)| name);
                name.is_some_and(|name| self.appends.contains(name))
            }
            b'Q' => text(body).is_some_and(|(statement, _)| statement.eq_ignore_ascii_case(b"COMMIT")),
            _ => false,
        }
    }
}

/// A text that ends with a zero, and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn started() -> Frontend {
        let mut frontend = Frontend::default();
        assert!(!frontend.commits(&[0, 0, 0, 8, 0, 3, 0, 0]));
        frontend
    }

    #[test]
    fn an_append_is_known_by_the_statement_it_was_prepared_from() {
        let mut frontend = started();
        let parse = message(b'P', b"s1\0WITH a AS (INSERT INTO book.events VALUES (1)) SELECT 1\0\0\0");
        let other = message(b'P', b"s2\0SELECT 1\0\0\0");
        assert!(!frontend.commits(&[parse, other].concat()));
        assert!(!frontend.commits(&message(b'B', b"\0s2\0\0\0")));
        assert!(frontend.commits(&message(b'B', b"\0s1\0\0\0")));
    }

    #[test]
    fn a_message_may_come_in_any_pieces() {
        let mut frontend = started();
        let commit = message(b'Q', b"COMMIT\0");
        let (last, first) = commit.split_last().unwrap();
        assert!(first.iter().all(|byte| !frontend.commits(&[*byte])));
        assert!(frontend.commits(&[*last]));
        assert!(!frontend.commits(&message(b'Q', b"ROLLBACK\0")));
    }
}
