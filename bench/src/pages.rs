//! Pages of a book as COPY takes them: carts that are opened and filled, numbered and chained as the writer does it, so
//! that what was copied is a whole book. Knows no statement but COPY.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use domain::aggregate::EventKind;
use domain::cart::{Event, ItemAdded, Opened};
use domain::ids::{CustomerId, Quantity};
use domain::money::Currency;
use eventstore::{Head, NewEvent, Point, StreamId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::catalogue::{self, Catalogue};
use crate::daybook::COMMANDS_A_CART;
use crate::failure::Failure;

const COPY: &str = "COPY book.events (position, recorded_at, stream_version, schema_version, stream_id, category, \
                    event_type, hash, payload, metadata) FROM STDIN";
/// A message of the protocol; larger ones are no faster.
const SENT_AT_ONCE_BYTES: usize = 64 * 1024;
/// A row as text has about 650 bytes.
const ROW_BYTES: usize = 700;

/// Events of carts that are opened and filled, one after the other without an end.
pub(crate) struct Carts {
    catalogue: Catalogue,
    cart_id: Uuid,
    customer_id: CustomerId,
    made: usize,
}

impl Carts {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let customer_id = CustomerId::from_uuid(Uuid::now_v7());
        Self { catalogue: catalogue.clone(), cart_id: Uuid::nil(), customer_id, made: 0 }
    }

    pub(crate) fn next(&mut self, at: DateTime<Utc>) -> NewEvent {
        let place = self.made % COMMANDS_A_CART;
        let event = if place == 0 {
            self.cart_id = Uuid::now_v7();
            let customer_id = self.customer_id;
            Event::Opened(Opened { customer_id, guest: false, currency: Currency::GBP, opened_at: at })
        } else {
            Event::ItemAdded(ItemAdded {
                sku: self.catalogue.sku(self.made).clone(),
                name: catalogue::name(),
                quantity: Quantity::ONE,
                unit_price: catalogue::price(),
            })
        };
        self.made += 1;
        NewEvent {
            stream: StreamId::new("cart", self.cart_id),
            stream_version: place as i64 + 1,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            payload: event.to_payload(),
            metadata: catalogue::metadata(self.customer_id),
        }
    }
}

/// Where the book to be copied ends so far.
pub(crate) struct Pages {
    head: Head,
    carts: Carts,
    /// The streams that have been copied.
    pub(crate) streams: Vec<StreamId>,
}

impl Pages {
    pub(crate) fn after(head: Head, catalogue: &Catalogue) -> Self {
        Self { head, carts: Carts::new(catalogue), streams: Vec::new() }
    }

    /// The next events of the book, a line each.
    pub(crate) fn next(&mut self, events: usize) -> Vec<u8> {
        let mut text = String::with_capacity(events * ROW_BYTES);
        let recorded_at = now_after(self.head.recorded_at);
        for _ in 0..events {
            let event = self.carts.next(recorded_at);
            let position = self.head.point.position.next();
            let hash = event.hash_after(self.head.point.hash, position, recorded_at);
            self.head = Head { point: Point { position, hash }, recorded_at };
            // No field of ours has a character that COPY would want escaped but for the backslash of the hash.
            writeln!(
                text,
                "{position}\t{}\t{}\t{}\t{}\t{}\t{}\t\\\\x{hash}\t{}\t{}",
                recorded_at.to_rfc3339(),
                event.stream_version,
                event.schema_version,
                event.stream.id,
                event.stream.category,
                event.event_type,
                event.payload,
                event.metadata
            )
            .expect("a string takes any text");
            if event.stream_version == 1 {
                self.streams.push(event.stream);
            }
        }
        text.into_bytes()
    }
}

/// Whole microseconds, as the book keeps them, and never behind the head.
pub(crate) fn now_after(head: DateTime<Utc>) -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now).max(head)
}

/// One COPY, durable when it returns.
pub(crate) async fn copy(connection: &mut PgConnection, rows: &[u8]) -> Result<(), Failure> {
    let mut copying = connection.copy_in_raw(COPY).await?;
    for part in rows.chunks(SENT_AT_ONCE_BYTES) {
        copying.send(part).await?;
    }
    copying.finish().await?;
    Ok(())
}
