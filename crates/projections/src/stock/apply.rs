//! Posts the events of stock. A hot SKU has hundreds of events in a batch: they fold into one change of its row, and a
//! reservation that is made and used up within the batch is never written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    ids::{Location, OrderId, Sku},
    inventory::{Event, PolicyChanged},
};
use eventstore::RecordedEvent;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{DEFINITION, write};
use crate::projection::{ApplyError, Definition, Projection, read};

#[derive(Debug)]
pub struct Stock;

#[async_trait]
impl Projection for Stock {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn apply(&self, tx: &mut PgConnection, events: &[Arc<RecordedEvent>]) -> Result<(), ApplyError> {
        let decoded: Vec<(&RecordedEvent, Event)> =
            events.iter().map(|event| Ok((&**event, read(event)?))).collect::<Result<_, ApplyError>>()?;
        let touched: BTreeSet<ReservationKey> =
            decoded.iter().filter_map(|(event, change)| reservation_of(event.stream.id, change)).collect();
        let mut batch = Batch { reservations: write::take_reservations_in_tx(tx, &touched).await?, ..Batch::default() };
        for (event, change) in decoded {
            batch.fold(event, change);
        }
        write::batch_in_tx(tx, &batch).await
    }
}

/// A stream of stock, and an order that holds some of it.
pub(super) type ReservationKey = (Uuid, Uuid);

#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    pub(super) quantity: i64,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) places: BTreeMap<Uuid, PlaceChange>,
    /// Those that the batch touches, taken out of the table; what is left of them in the end goes back.
    pub(super) reservations: BTreeMap<ReservationKey, Reservation>,
}

/// By how much a batch changes the quantities of a place.
pub(super) struct PlaceChange {
    pub(super) sku: Sku,
    pub(super) location: Location,
    pub(super) on_hand: i64,
    pub(super) allocated: i64,
    pub(super) set_aside: i64,
    pub(super) policy: Option<PolicyChanged>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) version: i64,
}

/// The reservation that an event makes, changes or ends.
fn reservation_of(stream_id: Uuid, event: &Event) -> Option<ReservationKey> {
    let order_id = match event {
        Event::Reserved(reserved) => reserved.order_id,
        Event::ReservationExtended(extended) => extended.order_id,
        Event::ReservationReleased(released) => released.order_id,
        Event::ReservationExpired(expired) => expired.order_id,
        Event::Allocated(allocated) => allocated.order_id,
        Event::Received(_)
        | Event::AllocationReleased(_)
        | Event::Shipped(_)
        | Event::Adjusted(_)
        | Event::TransferredOut(_)
        | Event::TransferredIn(_)
        | Event::ReturnedToStock(_)
        | Event::SetAside(_)
        | Event::PutBack(_)
        | Event::PolicyChanged(_)
        | Event::LocationOpened(_)
        | Event::CoverageChanged(_)
        | Event::LowStock(_)
        | Event::OutOfStock(_)
        | Event::BackInStock(_) => return None,
    };
    Some((stream_id, order_id.as_uuid()))
}

impl Batch {
    fn fold(&mut self, event: &RecordedEvent, change: Event) {
        let stream_id = event.stream.id;
        let key = |order_id: OrderId| (stream_id, order_id.as_uuid());
        let (sku, location) = change.place();
        let place = self.places.entry(stream_id).or_insert_with(|| PlaceChange::of(sku, location, event));
        place.updated_at = event.recorded_at;
        place.version = event.stream_version;
        match change {
            Event::Received(received) => place.on_hand += received.quantity.get(),
            Event::Reserved(reserved) => {
                let reservation = Reservation { quantity: reserved.quantity.get(), expires_at: reserved.expires_at };
                self.reservations.insert(key(reserved.order_id), reservation);
            }
            Event::ReservationExtended(extended) => {
                if let Some(reservation) = self.reservations.get_mut(&key(extended.order_id)) {
                    reservation.expires_at = extended.expires_at;
                }
            }
            Event::ReservationReleased(released) => drop(self.reservations.remove(&key(released.order_id))),
            Event::ReservationExpired(expired) => drop(self.reservations.remove(&key(expired.order_id))),
            Event::Allocated(allocated) => {
                // The order's reservation is used up by it, if it had not expired before.
                self.reservations.remove(&key(allocated.order_id));
                place.allocated += allocated.quantity.get();
            }
            Event::AllocationReleased(released) => place.allocated -= released.quantity.get(),
            Event::Shipped(shipped) => {
                place.on_hand -= shipped.quantity.get();
                place.allocated -= shipped.quantity.get();
            }
            Event::Adjusted(adjusted) => place.on_hand += adjusted.delta,
            Event::TransferredOut(transferred) => place.on_hand -= transferred.quantity.get(),
            Event::TransferredIn(transferred) => place.on_hand += transferred.quantity.get(),
            Event::ReturnedToStock(returned) => place.on_hand += returned.quantity.get(),
            Event::SetAside(set_aside) => place.set_aside += set_aside.quantity.get(),
            Event::PutBack(put_back) => place.set_aside -= put_back.quantity.get(),
            Event::PolicyChanged(policy) => place.policy = Some(policy),
            Event::LocationOpened(_)
            | Event::CoverageChanged(_)
            | Event::LowStock(_)
            | Event::OutOfStock(_)
            | Event::BackInStock(_) => {}
        }
    }
}

impl PlaceChange {
    fn of(sku: &Sku, location: &Location, event: &RecordedEvent) -> Self {
        Self {
            sku: sku.clone(),
            location: location.clone(),
            on_hand: 0,
            allocated: 0,
            set_aside: 0,
            policy: None,
            updated_at: event.recorded_at,
            version: event.stream_version,
        }
    }
}
