//! Use cases that no shop has, for what the real ones do not reach.

use chrono::{DateTime, Utc};
use commands::{
    rejection::{Rejection, Shortage},
    use_case::{Decision, Events, Streams, UseCase, View},
    world::Held,
};
use domain::{
    aggregate::Aggregate as _,
    cart::{self, Cart},
    ids::{self, CartId, Location, Quantity, Reason, Sku},
    inventory::{self, Inventory},
    order::{self, Order},
    payment::Payment,
    product::Product,
};
use eventstore::StreamId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use uuid::Uuid;

/// Where a use case panics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Panics {
    InStreams,
    InDecide,
}

impl UseCase for Panics {
    type Outcome = ();

    const NAME: &'static str = "panics";

    fn streams(&self, _: &View<'_>) -> Streams {
        assert!(*self != Self::InStreams, "a test's panic");
        Streams::default()
    }

    fn decide(&self, _: &View<'_>, _: DateTime<Utc>) -> Result<Decision<()>, Rejection> {
        panic!("a test's panic")
    }

    fn shows((): &()) -> Vec<StreamId> {
        Vec::new()
    }
}

/// Decides on a stream that it did not name.
#[derive(Debug)]
pub(super) struct Unnamed(pub(super) CartId);

impl UseCase for Unnamed {
    type Outcome = ();

    const NAME: &'static str = "unnamed";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default()
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<()>, Rejection> {
        let mut events = Events::default();
        events.decide::<Cart>(view, self.0.as_uuid(), cart::Command::Discard)?;
        Ok(events.answer(()))
    }

    fn shows((): &()) -> Vec<StreamId> {
        Vec::new()
    }
}

/// Takes units from stock if they are there, and says how many are left: none is ever below zero.
#[derive(Debug, Clone)]
pub(super) struct Take {
    pub(super) sku: Sku,
    pub(super) quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Left {
    pub(super) stream: Uuid,
    pub(super) left: i64,
}

impl UseCase for Take {
    type Outcome = Left;

    const NAME: &'static str = "take";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Inventory>(at_main(&self.sku))
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<Left>, Rejection> {
        let stream = at_main(&self.sku);
        let available = view.state::<Inventory>(stream)?.unpromised();
        if available < self.quantity {
            let (sku, requested) = (self.sku.to_string(), self.quantity);
            return Err(Rejection::OutOfStock { skus: vec![Shortage { sku, requested, available }] });
        }
        let mut events = Events::default();
        let command = inventory::Command::Adjust {
            sku: self.sku.clone(),
            location: Location::main(),
            delta: -self.quantity,
            reason: Reason::new("taken").unwrap(),
        };
        events.decide::<Inventory>(view, stream, command)?;
        Ok(events.answer(Left { stream, left: available - self.quantity }))
    }

    fn shows(outcome: &Left) -> Vec<StreamId> {
        vec![Inventory::stream(outcome.stream)]
    }
}

pub(super) fn at_main(sku: &Sku) -> Uuid {
    ids::inventory_stream(sku, &Location::main())
}

/// Puts units somewhere as a release did that kept no list of locations.
#[derive(Debug, Clone)]
pub(super) struct ReceiveUnlisted {
    pub(super) sku: Sku,
    pub(super) location: Location,
    pub(super) quantity: Quantity,
}

impl UseCase for ReceiveUnlisted {
    type Outcome = ();

    const NAME: &'static str = "receive_unlisted";

    fn streams(&self, _: &View<'_>) -> Streams {
        Streams::default().read::<Inventory>(ids::inventory_stream(&self.sku, &self.location))
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<()>, Rejection> {
        let Self { sku, location, quantity } = self.clone();
        let stream = ids::inventory_stream(&sku, &location);
        let mut events = Events::default();
        events.decide::<Inventory>(view, stream, inventory::Command::Receive { sku, location, quantity })?;
        Ok(events.answer(()))
    }

    fn shows((): &()) -> Vec<StreamId> {
        Vec::new()
    }
}

/// Changes nothing and shows streams as the executor has them.
#[derive(Debug, Clone)]
pub(super) struct Look(pub(super) Vec<StreamId>);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seen(Vec<(String, Uuid)>);

impl UseCase for Look {
    type Outcome = Seen;

    const NAME: &'static str = "look";

    fn streams(&self, _: &View<'_>) -> Streams {
        self.0.iter().fold(Streams::default(), |streams, stream| match stream.category.as_ref() {
            Product::CATEGORY => streams.read::<Product>(stream.id),
            Cart::CATEGORY => streams.read::<Cart>(stream.id),
            Inventory::CATEGORY => streams.read::<Inventory>(stream.id),
            Order::CATEGORY => streams.read::<Order>(stream.id),
            Payment::CATEGORY => streams.read::<Payment>(stream.id),
            unknown => panic!("there is no category {unknown}"),
        })
    }

    fn decide(&self, _: &View<'_>, _: DateTime<Utc>) -> Result<Decision<Seen>, Rejection> {
        let seen = self.0.iter().map(|stream| (stream.category.to_string(), stream.id)).collect();
        Ok(Events::default().answer(Seen(seen)))
    }

    fn shows(Seen(streams): &Seen) -> Vec<StreamId> {
        streams.iter().map(|(category, id)| StreamId { category: category.clone().into(), id: *id }).collect()
    }
}

/// Names a cart, then the order it became, then the payment of that: three steps when none of them is held.
#[derive(Debug, Clone)]
pub(super) struct ThreeSteps(pub(super) CartId);

impl UseCase for ThreeSteps {
    type Outcome = Seen;

    const NAME: &'static str = "three_steps";

    fn streams(&self, view: &View<'_>) -> Streams {
        let streams = Streams::default().read::<Cart>(self.0.as_uuid());
        let Some(order) = self.order(view) else { return streams };
        let streams = streams.read::<Order>(order);
        match view.seen::<Order>(order).and_then(order::State::contents) {
            Some(contents) => streams.read::<Payment>(contents.payment_id.as_uuid()),
            None => streams,
        }
    }

    fn decide(&self, view: &View<'_>, _: DateTime<Utc>) -> Result<Decision<Seen>, Rejection> {
        let order = self.order(view).expect("a cart that was checked out");
        let payment = view.state::<Order>(order)?.contents().expect("an order").payment_id.as_uuid();
        assert!(view.state::<Payment>(payment)?.exists(), "the payment was not loaded");
        let seen = [Payment::stream(payment), Order::stream(order), Cart::stream(self.0.as_uuid())];
        Ok(Events::default().answer(Seen(seen.map(|stream| (stream.category.into_owned(), stream.id)).to_vec())))
    }

    fn shows(outcome: &Seen) -> Vec<StreamId> {
        Look::shows(outcome)
    }
}

impl ThreeSteps {
    fn order(&self, view: &View<'_>) -> Option<Uuid> {
        match view.seen::<Cart>(self.0.as_uuid()) {
            Some(cart::State::CheckedOut { order_id, .. }) => Some(order_id.as_uuid()),
            _ => None,
        }
    }
}

/// Tells each time it is decided.
#[derive(Debug, Clone)]
pub(super) struct Watched<U> {
    pub(super) use_case: U,
    pub(super) decided: UnboundedSender<()>,
}

impl<U: UseCase> UseCase for Watched<U> {
    type Outcome = U::Outcome;

    const NAME: &'static str = U::NAME;

    fn streams(&self, view: &View<'_>) -> Streams {
        self.use_case.streams(view)
    }

    fn decide(&self, view: &View<'_>, now: DateTime<Utc>) -> Result<Decision<U::Outcome>, Rejection> {
        let _nobody_listens = self.decided.send(());
        self.use_case.decide(view, now)
    }

    fn shows(outcome: &U::Outcome) -> Vec<StreamId> {
        U::shows(outcome)
    }
}
