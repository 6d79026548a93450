//! A shop without HTTP and without an executor: the rules decide, and what happens stands in a real book.

use std::borrow::Cow;

use ::projections::{Page, Progress, Projection, ReadModels, Round, Runner};
use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    aggregate::{Aggregate, EventKind},
    cart::{self, Cart},
    ids::{CartId, CustomerId, LineId, Location, OrderId, PaymentId, Quantity, Sku, inventory_stream, product_stream},
    inventory::{self, Inventory},
    money::{Currency, Money},
    order::{self, Create, NewLine, Order},
    payment::{self, Payment},
    product::{self, Product},
    sealed::Sealed,
};
use eventstore::{Book, Draft, Feed, NewEvent, Position, StreamId, Writer};
use sqlx::PgPool;
use support::Database;
use uuid::Uuid;

/// One aggregate's stream, as far as it was decided on.
#[derive(Debug, Clone)]
pub(super) struct Stream<A: Aggregate> {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) state: A::State,
}

impl<A: Aggregate> Stream<A> {
    pub(super) fn new(id: Uuid) -> Self {
        Self { id, version: 0, state: A::initial() }
    }
}

pub(super) struct Shop {
    pub(super) database: Database,
    pub(super) book: Book,
    pub(super) models: ReadModels,
    pub(super) feed: Feed,
    pub(super) progress: Progress,
    writer: Writer,
    /// One of each projection.
    runners: Vec<Runner>,
    /// Decided, not yet in the book.
    pending: Vec<NewEvent>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        let database = Database::fresh().await;
        let writer = Writer::connect(database.app_options()).await.unwrap();
        let book = Book::new(PgPool::connect_lazy_with(eventstore::session::reading(database.app_options())));
        let progress = Progress::default();
        let pool = PgPool::connect_lazy_with(::projections::reading(database.app_options()));
        let models = ReadModels::new(pool, progress.clone());
        let feed = Feed::new(book.clone());
        let mut shop =
            Self { database, book, models, feed, progress, writer, runners: Vec::new(), pending: Vec::new() };
        shop.runners = ::projections::ALL.map(|projection| shop.runner(projection)).into();
        shop
    }

    /// What the rules decide is to be appended; what they refuse is told.
    pub(super) fn decide<A: Aggregate>(&mut self, stream: &mut Stream<A>, command: A::Command) -> Result<(), A::Error> {
        for event in A::decide(&stream.state, command)? {
            stream.version += 1;
            let id = StreamId::new(A::CATEGORY, stream.id);
            self.pending.push(new_event(
                id,
                stream.version,
                event.event_type(),
                event.schema_version(),
                event.to_payload(),
            ));
            stream.state = A::evolve(stream.state.clone(), &event);
        }
        Ok(())
    }

    /// Appends an event that no rule has decided.
    pub(super) fn forge(&mut self, stream: StreamId, stream_version: i64, event_type: &'static str, payload: &str) {
        self.pending.push(new_event(stream, stream_version, event_type, 1, payload.to_owned()));
    }

    /// Everything that was decided is in the book; where that ends.
    pub(super) async fn append(&mut self) -> Position {
        let head = self.writer.head().await.unwrap();
        let mut draft = Draft::after(&head, Utc::now());
        self.pending.drain(..).for_each(|event| draft.push(event));
        if !draft.events().is_empty() {
            self.writer.append(&draft).await.unwrap();
        }
        draft.head().point.position
    }

    pub(super) fn runner(&self, projection: &'static dyn Projection) -> Runner {
        Runner::new(projection, self.database.app_options(), self.feed.clone(), self.progress.clone())
    }

    /// Appends what was decided, and has this projection post it.
    pub(super) async fn post(&mut self, projection: &'static dyn Projection) -> Position {
        let head = self.append().await;
        let name = projection.definition().name;
        drain(self.runners.iter_mut().find(|runner| runner.name() == name).unwrap()).await;
        head
    }

    /// The same of all projections.
    pub(super) async fn post_all(&mut self) -> Position {
        let head = self.append().await;
        for runner in &mut self.runners {
            drain(runner).await;
        }
        head
    }

    pub(super) fn product(&mut self, sku: &Sku, pence: i64) -> Stream<Product> {
        let mut product = Stream::new(product_stream(sku));
        let created = product::Command::Create {
            sku: sku.clone(),
            name: name(&format!("The {sku}")),
            description: None,
            category: None,
            price: gbp(pence),
            attributes: product::Attributes::default(),
            parent_sku: None,
        };
        self.decide(&mut product, created).unwrap();
        self.decide(&mut product, product::Command::Publish).unwrap();
        product
    }

    pub(super) fn received(&mut self, sku: &Sku, units: i64) -> Stream<Inventory> {
        let mut stock = Stream::new(inventory_stream(sku, &Location::main()));
        self.decide(&mut stock, receive(sku, &Location::main(), units)).unwrap();
        stock
    }

    pub(super) fn cart(&mut self, customer_id: CustomerId) -> Stream<Cart> {
        let mut cart = Stream::new(Uuid::now_v7());
        let opened = cart::Command::Open { customer_id, guest: false, currency: Currency::GBP, at: now() };
        self.decide(&mut cart, opened).unwrap();
        cart
    }

    pub(super) fn put(&mut self, cart: &mut Stream<Cart>, sku: &Sku, units: i64, pence: i64) {
        let added = cart::Command::AddItem {
            sku: sku.clone(),
            name: name(&format!("The {sku}")),
            quantity: quantity(units),
            unit_price: gbp(pence),
        };
        self.decide(cart, added).unwrap();
    }

    /// An order of these lines, with the payment it is opened with. It reserves no stock.
    pub(super) fn order(
        &mut self,
        customer_id: CustomerId,
        lines: &[(&Sku, i64, i64)],
    ) -> (Stream<Order>, Stream<Payment>) {
        let lines = lines.iter().map(|(sku, units, pence)| new_line(sku, *units, *pence)).collect();
        self.order_of(customer_id, CartId::from_uuid(Uuid::now_v7()), lines)
    }

    pub(super) fn order_of(
        &mut self,
        customer_id: CustomerId,
        cart_id: CartId,
        lines: Vec<NewLine>,
    ) -> (Stream<Order>, Stream<Payment>) {
        let (mut order, mut payment) = (Stream::<Order>::new(Uuid::now_v7()), Stream::new(Uuid::now_v7()));
        let zero = Money::zero(Currency::GBP);
        let create = Create {
            order_id: OrderId::from_uuid(order.id),
            cart_id,
            payment_id: PaymentId::from_uuid(payment.id),
            customer_id,
            currency: Currency::GBP,
            lines,
            shipping: zero,
            tax: zero,
            discount: zero,
            shipping_address: Sealed::new(customer_id.as_uuid(), "c2VhbGVk").unwrap(),
            email: None,
            country: None,
            at: now(),
        };
        self.decide(&mut order, order::Command::Create(Box::new(create))).unwrap();
        let total = order.state.contents().unwrap().totals.total;
        let initiate = initiate(OrderId::from_uuid(order.id), total);
        self.decide(&mut payment, initiate).unwrap();
        (order, payment)
    }

    pub(super) fn authorize(&mut self, payment: &mut Stream<Payment>) {
        self.decide(payment, payment::Command::RequestAuthorization { deadline: now() }).unwrap();
        let authorized = payment::Command::RecordAuthorized {
            provider_reference: text("pay_1"),
            at: now(),
            expires_at: now() + chrono::TimeDelta::days(7),
        };
        self.decide(payment, authorized).unwrap();
    }

    /// An order that is paid for as far as it is before shipping.
    pub(super) fn confirmed_order(
        &mut self,
        customer_id: CustomerId,
        lines: &[(&Sku, i64, i64)],
    ) -> (Stream<Order>, Stream<Payment>) {
        let (mut order, mut payment) = self.order(customer_id, lines);
        self.authorize(&mut payment);
        let payment_id = PaymentId::from_uuid(payment.id);
        self.decide(&mut order, order::Command::Confirm { payment_id, at: now() }).unwrap();
        (order, payment)
    }
}

fn new_event(
    stream: StreamId,
    stream_version: i64,
    event_type: &'static str,
    schema_version: i32,
    payload: String,
) -> NewEvent {
    let metadata = r#"{"actor":{"kind":"test"}}"#.to_owned();
    NewEvent { stream, stream_version, event_type: Cow::Borrowed(event_type), schema_version, payload, metadata }
}

/// Rounds of the runner until there is nothing left to do.
pub(super) async fn drain(runner: &mut Runner) -> usize {
    let mut posted = 0;
    loop {
        match runner.run_once().await.unwrap() {
            Round::Advanced { events } => posted += events,
            Round::Idle => return posted,
            Round::Elsewhere => tokio::task::yield_now().await,
        }
    }
}

/// Cut as the database cuts it.
pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

pub(super) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(super) fn gbp(pence: i64) -> Money {
    Money::new(pence, Currency::GBP)
}

pub(super) fn quantity(units: i64) -> Quantity {
    Quantity::new(units).unwrap()
}

pub(super) fn text<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn name(shown: &str) -> product::Name {
    text(shown)
}

pub(super) fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

pub(super) fn receive(sku: &Sku, location: &Location, units: i64) -> inventory::Command {
    inventory::Command::Receive { sku: sku.clone(), location: location.clone(), quantity: quantity(units) }
}

pub(super) fn new_line(sku: &Sku, units: i64, pence: i64) -> NewLine {
    NewLine {
        id: LineId::from_uuid(Uuid::now_v7()),
        sku: sku.clone(),
        name: name(&format!("The {sku}")),
        quantity: quantity(units),
        unit_price: gbp(pence),
    }
}

pub(super) fn initiate(order_id: OrderId, amount: Money) -> payment::Command {
    payment::Command::Initiate {
        order_id,
        amount,
        method: text("card"),
        token: payment::PaymentToken::new("tok_ok").unwrap(),
        provider: text("simulated"),
    }
}

/// What a page shows of each of its rows.
pub(super) fn shown<T, U>(page: &Page<T>, of: impl Fn(&T) -> U) -> Vec<U> {
    page.data.iter().map(of).collect()
}
