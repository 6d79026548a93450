//! What the clients saw: one record a sending, as JSON lines in the run's folder. The checkers know the program by nothing
//! else but this and the book.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde::Serialize;
use uuid::Uuid;

/// What came back of one sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok,
    /// A refusal: nothing was done.
    Fail,
    /// Nobody knows: no answer, or one that leaves it open. Never counted as failed.
    Info,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    CreateProduct,
    Receive,
    OpenCart,
    AddItem,
    CheckOut,
    Cancel,
    Ship,
    Deliver,
    RetryPayment,
    RequestReturn,
    ApproveReturn,
    ReceiveReturn,
    Refund,
    /// What the provider tells.
    Webhook,
    ReadCart,
    ReadOrder,
}

impl Kind {
    /// A success of it that no other request with its key can explain has events.
    pub(crate) fn always_changes(self) -> bool {
        matches!(self, Self::CreateProduct | Self::Receive | Self::OpenCart | Self::AddItem)
    }

    /// Its success names a position.
    pub(crate) fn is_command(self) -> bool {
        !self.is_query() && self != Self::Webhook
    }

    pub(crate) fn is_query(self) -> bool {
        matches!(self, Self::ReadCart | Self::ReadOrder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: String,
    /// The customer who asked; `None` for staff.
    pub(crate) customer: Option<Uuid>,
    /// `Daybook-Min-Position`, of a query.
    pub(crate) min_position: Option<i64>,
    /// Of a query: the version of the thing asked for, as the last command on it was answered.
    pub(crate) min_version: Option<i64>,
    /// `Stripe-Signature`, of a webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
}

/// One sending and what came back.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    /// The request's id, which the events that it leads to name as their causation.
    pub(crate) op: Uuid,
    /// The same for every sending of one intention.
    pub(crate) key: Option<String>,
    pub(crate) command: Command,
    /// Microseconds since the run began.
    pub(crate) t_invoke: u64,
    pub(crate) t_return: u64,
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) answer: Answer,
    pub(crate) node: usize,
}

/// What of an answer the checkers look at; empty where there was none.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Answer {
    pub(crate) position: Option<i64>,
    pub(crate) version: Option<i64>,
    pub(crate) location: Option<String>,
    pub(crate) replayed: bool,
    pub(crate) retry_after: bool,
    pub(crate) content_type: Option<String>,
    /// The problem's.
    pub(crate) code: Option<String>,
    pub(crate) body: String,
    /// Why there was no answer.
    pub(crate) lost: Option<String>,
}

pub(crate) struct History {
    began: Instant,
    kept: Mutex<Kept>,
}

struct Kept {
    records: Vec<Record>,
    file: BufWriter<File>,
}

impl History {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Self { began: Instant::now(), kept: Mutex::new(Kept { records: Vec::new(), file }) })
    }

    /// Microseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn push(&self, record: Record) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let line = serde_json::to_string(&record).expect("a record is plain strings and numbers");
        // What is checked is in memory; the file is for whoever reads up on a failure.
        if let Err(error) = writeln!(kept.file, "{line}") {
            eprintln!("the history is not written: {error}");
        }
        kept.records.push(record);
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = kept.file.flush() {
            eprintln!("the history is not written: {error}");
        }
        kept.records.clone()
    }
}
