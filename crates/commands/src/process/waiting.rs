//! What one order waits for, read from the book and from what the processes remember: for whoever is asked «what about my order?».

use chrono::{DateTime, Utc};
use domain::ids::{OrderId, PaymentId};
use domain::order::{self, Order};
use domain::payment::Payment;
use eventstore::event::StreamId;
use eventstore::read::Book;
use eventstore::{Position, ReadError};
use sqlx::PgPool;

use super::standing::ParkedStream;
use crate::orders::payments_of;
use crate::world::{Held, States};

/// An order as the book has it, and everything that it waits for. Of one that is over, or that somebody has to send, nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingOrder {
    pub order_id: OrderId,
    pub status: &'static str,
    pub waits: Vec<Wait>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// A process has set a stream of it aside: somebody has to look.
    Resumption { process: String, parked: ParkedStream },
    /// Staff has to release it.
    Release { reason: String },
    /// A provider's answer to a call.
    Answer {
        provider: String,
        call: String,
        payment_id: PaymentId,
        requested_at: DateTime<Utc>,
        attempts: i32,
        next_attempt_at: DateTime<Utc>,
        last_error: Option<String>,
    },
    /// Something that the buyer does at their bank.
    Buyer { payment_id: PaymentId, action_url: String },
    /// Another try of the buyer to pay: none of those before succeeded.
    Payment,
    /// A time at which a process acts.
    Deadline { process: String, kind: String, due_at: DateTime<Utc> },
}

#[derive(Debug, thiserror::Error)]
pub enum WaitingError {
    #[error("the book cannot be read")]
    Book(#[from] ReadError),
    #[error("what the processes remember cannot be read")]
    Database(#[from] sqlx::Error),
    #[error("the stream {0} has an event that cannot be read")]
    Unreadable(StreamId),
}

/// `None` if there is no such order.
pub async fn waiting_order(pool: &PgPool, order_id: OrderId) -> Result<Option<WaitingOrder>, WaitingError> {
    let book = Book::new(pool.clone());
    let order = state::<Order>(&book, Order::stream(order_id.as_uuid())).await?;
    let Some(contents) = order.contents() else { return Ok(None) };
    let payments: Vec<PaymentId> = payments_of(contents).collect();
    let mut streams: Vec<_> = payments.iter().map(|payment_id| payment_id.as_uuid()).collect();
    streams.push(order_id.as_uuid());

    let mut waits = Vec::new();
    for row in sqlx::query_file!("src/sql/list_order_parked.sql", &streams).fetch_all(pool).await? {
        let stream = StreamId { category: row.category.into(), id: row.stream_id };
        let (position, reason, parked_at) = (Position(row.position), row.reason, row.parked_at);
        waits.push(Wait::Resumption {
            process: row.process,
            parked: ParkedStream { stream, position, reason, parked_at },
        });
    }
    waits.extend(contents.hold.as_ref().map(|reason| Wait::Release { reason: reason.to_string() }));
    for row in sqlx::query_file!("src/sql/list_order_calls.sql", order_id.as_uuid()).fetch_all(pool).await? {
        waits.push(Wait::Answer {
            provider: row.provider,
            call: row.kind,
            payment_id: PaymentId::from_uuid(row.payment_id),
            requested_at: row.requested_at,
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            last_error: row.last_error,
        });
    }
    if matches!(order, order::State::Pending(_)) {
        waits.extend(buyer(&book, &payments).await?);
    }
    for row in sqlx::query_file!("src/sql/list_order_deadlines.sql", &streams).fetch_all(pool).await? {
        waits.push(Wait::Deadline { process: row.process, kind: row.kind, due_at: row.due_at });
    }
    Ok(Some(WaitingOrder { order_id, status: order.status(), waits }))
}

/// What the buyer of a pending order has to do, if it is their turn.
async fn buyer(book: &Book, payments: &[PaymentId]) -> Result<Option<Wait>, WaitingError> {
    let mut all_failed = true;
    for payment_id in payments {
        let payment = state::<Payment>(book, Payment::stream(payment_id.as_uuid())).await?;
        let action_url = payment.ledger().and_then(|ledger| ledger.action_url.as_ref());
        match (payment.status(), action_url) {
            ("action_required", Some(url)) => {
                return Ok(Some(Wait::Buyer { payment_id: *payment_id, action_url: url.to_string() }));
            }
            (status, _) => all_failed &= ["failed", "voided", "expired"].contains(&status),
        }
    }
    Ok(all_failed.then_some(Wait::Payment))
}

async fn state<A: Held>(book: &Book, stream: StreamId) -> Result<A::State, WaitingError> {
    let events = book.stream(&stream, None).await?;
    let states = States::fold(std::slice::from_ref(&stream), &events);
    let state = states.get::<A>(stream.id).map(|(state, _)| state.clone());
    state.ok_or(WaitingError::Unreadable(stream))
}
