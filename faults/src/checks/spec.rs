//! The checkers against made-up evidence: a history and a book that fit, and one planted violation at a time.
