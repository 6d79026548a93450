//! Reads what was imported back from the book, and adds it up once more.

use std::collections::{BTreeMap, BTreeSet};

use domain::aggregate::{Aggregate, EventKind, UnreadableEvent};
use domain::ids::OrderId;
use domain::order::{Event, Imported, ImportedRefund, Order};
use eventstore::{Book, Position, ReadError, RecordedEvent, StreamId};

use super::sums::{CountryCode, Ledger, Pence, Sums};
use crate::online_retail::Month;

/// Orders that are read at once: some 27 lines each, and 2 MB.
const STREAMS_AT_ONCE: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("an event of an imported order cannot be read")]
    Unreadable(#[from] UnreadableEvent),
}

/// What the book says of these orders.
pub(super) async fn ledger_of(book: &Book, orders: &[OrderId], up_to: Position) -> Result<Ledger, CheckError> {
    let mut ledger = Ledger::default();
    for some in orders.chunks(STREAMS_AT_ONCE) {
        let streams: Vec<StreamId> = some.iter().map(|id| StreamId::new(Order::CATEGORY, id.as_uuid())).collect();
        let mut country = None;
        for event in book.streams(&streams, up_to).await? {
            match read(&event)? {
                Event::Imported(imported) => {
                    country = imported.country.map(|country| country.as_str());
                    add_sale(&mut ledger.sales, &imported, country);
                }
                // It follows its order: the streams come whole, one after another.
                Event::ImportedRefund(refund) => add_refund(&mut ledger.refunds, &refund, country),
                _ => {}
            }
        }
    }
    Ok(ledger)
}

fn read(event: &RecordedEvent) -> Result<Event, UnreadableEvent> {
    Event::from_payload(&event.event_type, event.schema_version, &event.payload)
}

fn add_sale(sums: &mut Sums, imported: &Imported, country: CountryCode) {
    let Some(month) = Month::of(imported.occurred_at) else { return };
    for line in &imported.lines {
        sums.add(month, country, line.quantity.get().unsigned_abs(), Pence::from(line.line_total.amount()));
    }
}

fn add_refund(sums: &mut Sums, refund: &ImportedRefund, country: CountryCode) {
    let Some(month) = Month::of(refund.occurred_at) else { return };
    for line in &refund.lines {
        sums.add(month, country, line.quantity.get().unsigned_abs(), Pence::from(line.amount.amount()));
    }
}

/// What agrees and what does not, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) what: String,
    pub(super) file: Pence,
    pub(super) book: Pence,
}

impl Compared {
    pub(super) fn agrees(&self) -> bool {
        self.file == self.book
    }
}

/// Sales and refunds by month and by country, and all of them.
pub(super) fn compare(file: &Ledger, book: &Ledger) -> Vec<Compared> {
    let mut all = by(&file.sales.by_month, &book.sales.by_month, |month| format!("sales of {month}"));
    let named = |country: CountryCode| country.unwrap_or("no country that is named");
    let to = |what: &'static str| move |country| format!("{what} to {}", named(country));
    all.extend(by(&file.sales.by_country, &book.sales.by_country, to("sales")));
    all.extend(by(&file.refunds.by_month, &book.refunds.by_month, |month| format!("refunds of {month}")));
    all.extend(by(&file.refunds.by_country, &book.refunds.by_country, to("refunds")));
    let total = |what: &str, file: Pence, book: Pence| Compared { what: what.to_owned(), file, book };
    all.push(total("all sales", file.sales.pence, book.sales.pence));
    all.push(total("all refunds", file.refunds.pence, book.refunds.pence));
    let net = |ledger: &Ledger| ledger.sales.pence - ledger.refunds.pence;
    all.push(total("net sales", net(file), net(book)));
    all
}

fn by<K: Ord + Copy>(
    file: &BTreeMap<K, Pence>,
    book: &BTreeMap<K, Pence>,
    what: impl Fn(K) -> String,
) -> Vec<Compared> {
    let keys: BTreeSet<K> = file.keys().chain(book.keys()).copied().collect();
    let pence = |sums: &BTreeMap<K, Pence>, key| sums.get(&key).copied().unwrap_or_default();
    keys.into_iter().map(|key| Compared { what: what(key), file: pence(file, key), book: pence(book, key) }).collect()
}
