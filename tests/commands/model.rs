//! Invariant I14: the book that many clients and several nodes have written is the one that the rules alone write. Every
//! command is decided once more, by the model, where it stands in the log: the same events, the same answers, and of
//! every refusal, a moment between its question and its answer at which the rules refuse the same.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::{
    carts::{ChangeQuantity, DiscardCart, RemoveItem, RepriceCart},
    command::{CommandError, Envelope},
    executor::Commands,
    model::Model,
    orders::{
        HoldOrder, ReleaseOrder,
        settle::{ConfirmOrder, ExpireReservations, FailPendingOrder},
    },
    payments::{
        CapturePayment, RequestAuthorization, RetryPayment, VoidPayment,
        record::{RecordAuthorization, RecordFailure, RecordVoid},
    },
    products::ChangePrice,
    rejection::Rejection,
    use_case::UseCase,
    world::Held as _,
};
use domain::{
    cart::Cart,
    ids::{CaptureId, CartId, PaymentId, Reason},
    payment::{FailureCode, Operation, ProviderReference},
};
use eventstore::{NewEvent, Position, RecordedEvent, StreamId};
use serde::Deserialize;
use support::Database;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Chance,
    node::{Node, check_whole, envelope, keyed},
    shop::{Sale, add, create_product, customer, new_cart, payment, pounds, receive, sku, stocked, units},
};

const NODES: usize = 2;
const CLIENTS_A_NODE: usize = 4;
const COMMANDS_A_CLIENT: usize = 150;
const SKUS: [&str; 3] = ["MUG", "TEAPOT", "TRAY"];
const UNITS: i64 = 60;

/// A use case without its type, to be run by a node and decided by the model.
#[async_trait]
trait Asked: std::fmt::Debug + Send + Sync {
    async fn ask(&self, commands: &Commands, envelope: Envelope) -> Result<Said, CommandError>;
    fn decide(&self, model: &mut Model, now: DateTime<Utc>) -> Result<(Vec<NewEvent>, String), Rejection>;
}

/// What a client was told of a success.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    position: Position,
    version: i64,
    outcome: String,
    replayed: bool,
}

#[async_trait]
impl<U: UseCase + Clone + Sync + std::fmt::Debug> Asked for U {
    async fn ask(&self, commands: &Commands, envelope: Envelope) -> Result<Said, CommandError> {
        let answer = commands.run(self.clone(), envelope).await?;
        let outcome = serde_json::to_string(&answer.outcome).unwrap();
        Ok(Said { position: answer.position, version: answer.version, outcome, replayed: answer.replayed })
    }

    fn decide(&self, model: &mut Model, now: DateTime<Utc>) -> Result<(Vec<NewEvent>, String), Rejection> {
        let (events, outcome) = model.decide(self, now)?;
        Ok((events, serde_json::to_string(&outcome).unwrap()))
    }
}

/// One command and what came of it.
#[derive(Debug)]
struct Told {
    asked: Box<dyn Asked>,
    /// Of this command alone: its events carry it.
    correlation_id: Uuid,
    expected: Option<(StreamId, i64)>,
    /// The head that was known before it was asked, and the one after it was answered.
    between: (Position, Position),
    came: Result<Said, Rejection>,
}

/// What the clients know of: each meddles with what others have begun.
#[derive(Debug, Default)]
struct Known {
    carts: Vec<CartId>,
    sales: Vec<Sale>,
    payments: Vec<PaymentId>,
}

fn pick<T: Copy>(chance: &mut Chance, of: &[T]) -> T {
    of[chance.below(of.len())]
}

/// Something about a cart or a product.
fn about_a_cart(chance: &mut Chance, known: &mut Known) -> Box<dyn Asked> {
    let (cart_id, code) = (pick(chance, &known.carts), pick(chance, &SKUS));
    let quantity = 1 + chance.below(4) as i64;
    match chance.below(9) {
        0 => {
            let open = new_cart();
            known.carts.push(open.cart_id);
            Box::new(open)
        }
        1..=3 => Box::new(add(cart_id, code, quantity)),
        4 => Box::new(ChangeQuantity { cart_id, owner: Some(customer(1)), sku: sku(code), quantity: units(quantity) }),
        5 => Box::new(RemoveItem { cart_id, owner: Some(customer(2)), sku: sku(code) }),
        6 => Box::new(RepriceCart { cart_id, owner: None }),
        7 if chance.below(4) == 0 => Box::new(DiscardCart { cart_id, owner: None }),
        7 => Box::new(ChangePrice { sku: sku(code), price: pounds(9 + chance.below(2) as i64) }),
        _ if chance.below(4) == 0 => Box::new(create_product(code, pounds(1))),
        _ => Box::new(receive(code, quantity)),
    }
}

/// Something about an order: also what only processes ask for, and mostly at the wrong moment.
fn about_an_order(chance: &mut Chance, known: &mut Known) -> Box<dyn Asked> {
    let sale = pick(chance, &known.sales);
    let order_id = sale.order_id;
    match chance.below(10) {
        0 => Box::new(sale.cancel()),
        1 | 2 => Box::new(sale.ship()),
        3 => Box::new(sale.deliver()),
        4 => Box::new(HoldOrder { order_id, reason: Reason::new("to be checked").unwrap() }),
        5 => Box::new(ReleaseOrder { order_id }),
        8 => Box::new(sale.cancel_units(1)),
        9 => Box::new(sale.refund(100)),
        6 if chance.below(3) == 0 => Box::new(FailPendingOrder { order_id }),
        6 => Box::new(ExpireReservations { order_id }),
        _ => {
            let payment_id = PaymentId::from_uuid(Uuid::now_v7());
            known.payments.push(payment_id);
            Box::new(RetryPayment { order_id, owner: None, payment_id, payment: payment("tok_ok") })
        }
    }
}

fn about_a_payment(chance: &mut Chance, known: &Known) -> Box<dyn Asked> {
    let (payment_id, order_id) = (pick(chance, &known.payments), pick(chance, &known.sales).order_id);
    let reference = || ProviderReference::new(&format!("ref_{}", Uuid::now_v7().simple())).unwrap();
    match chance.below(8) {
        0 | 1 => Box::new(RequestAuthorization { payment_id, order_id }),
        2 => Box::new(RecordAuthorization { payment_id, provider_reference: reference() }),
        3 | 4 => Box::new(ConfirmOrder { order_id, payment_id }),
        5 => Box::new(RecordFailure {
            payment_id,
            operation: Operation::Authorization,
            code: FailureCode::new("card_declined").unwrap(),
            detail: None,
        }),
        6 => Box::new(CapturePayment {
            payment_id,
            capture_id: CaptureId::from_uuid(Uuid::now_v7()),
            amount: None,
            capturing_once: Default::default(),
        }),
        _ if chance.below(2) == 0 => Box::new(RecordVoid { payment_id, operation_id: None }),
        _ => Box::new(VoidPayment { payment_id, reason: Reason::new("changed my mind").unwrap() }),
    }
}

/// The next steps of a sale that goes well, so that there is something to meddle with.
fn of_a_good_sale(chance: &mut Chance, known: &mut Known) -> Vec<Box<dyn Asked>> {
    let sale = Sale::of(pick(chance, &SKUS), 1 + chance.below(3) as i64, "tok_ok");
    let (order_id, payment_id) = (sale.order_id, sale.payment_id);
    known.carts.push(sale.cart_id);
    known.sales.push(sale);
    known.payments.push(payment_id);
    let provider_reference = ProviderReference::new(&format!("ref_{}", payment_id.as_uuid().simple())).unwrap();
    vec![
        Box::new(sale.open_cart()),
        Box::new(sale.add()),
        Box::new(sale.check_out_cart()),
        Box::new(RequestAuthorization { payment_id, order_id }),
        Box::new(RecordAuthorization { payment_id, provider_reference }),
        Box::new(ConfirmOrder { order_id, payment_id }),
        Box::new(sale.ship()),
        Box::new(sale.deliver()),
    ]
}

fn by_chance(chance: &mut Chance, known: &mut Known) -> Vec<Box<dyn Asked>> {
    match chance.below(8) {
        0 => of_a_good_sale(chance, known),
        1..=3 => vec![about_a_cart(chance, known)],
        4 | 5 => vec![about_an_order(chance, known)],
        _ => vec![about_a_payment(chance, known)],
    }
}

/// A version that a client believes to have seen, right or wrong.
fn expectation(chance: &mut Chance, known: &Known) -> Option<(StreamId, i64)> {
    (chance.below(8) == 0).then(|| (Cart::stream(pick(chance, &known.carts).as_uuid()), 1 + chance.below(4) as i64))
}

/// One client: asks, sometimes twice under one key, and notes what it was told.
async fn client(node: Arc<Node>, mut chance: Chance, known: Arc<Mutex<Known>>) -> Vec<Told> {
    let mut told = Vec::new();
    while told.len() < COMMANDS_A_CLIENT {
        let (steps, expected) = {
            let mut known = known.lock().unwrap();
            (by_chance(&mut chance, &mut known), expectation(&mut chance, &known))
        };
        for asked in steps {
            let envelope = if chance.below(2) == 0 { envelope() } else { keyed(&Uuid::now_v7().to_string(), 1) };
            let envelope = Envelope { expected: expected.clone(), ..envelope };
            let (correlation_id, before) = (envelope.correlation_id, node.heads.newest());
            let answer = asked.ask(&node.commands, envelope.clone()).await;
            let between = (before, node.head().await);
            let came = match answer {
                Ok(said) => Ok(said),
                Err(CommandError::Rejected(rejection)) => Err(rejection),
                Err(error) => panic!("{asked:?}: {error:?}"),
            };
            if let Ok(said) = came.as_ref()
                && envelope.key.is_some()
                && chance.below(4) == 0
            {
                let repeated = asked.ask(&node.commands, envelope).await.unwrap();
                assert_eq!(repeated, Said { replayed: true, ..said.clone() }, "{asked:?}");
            }
            told.push(Told { asked, correlation_id, expected: expected.clone(), between, came });
        }
    }
    told
}

/// What the rules say of a command, at the place in the log that the model has come to.
fn decided(
    told: &Told,
    model: &mut Model,
    versions: &HashMap<StreamId, i64>,
    now: DateTime<Utc>,
) -> Result<(Vec<NewEvent>, String), Rejection> {
    if let Some((stream, expected)) = &told.expected {
        let current = versions.get(stream).copied().unwrap_or_default();
        if current != *expected {
            return Err(Rejection::VersionMismatch { expected: *expected, current });
        }
    }
    told.asked.decide(model, now)
}

#[derive(Deserialize)]
struct Metadata {
    correlation_id: Uuid,
}

fn correlation_of(event: &RecordedEvent) -> Uuid {
    serde_json::from_str::<Metadata>(&event.metadata).unwrap().correlation_id
}

/// As decided and as recorded, without what the rules do not decide.
fn shown(event: &NewEvent) -> (StreamId, i64, String, i32, String) {
    let NewEvent { stream, stream_version, event_type, schema_version, payload, .. } = event.clone();
    (stream, stream_version, event_type.into_owned(), schema_version, payload)
}

fn shown_recorded(event: &RecordedEvent) -> (StreamId, i64, String, i32, String) {
    let RecordedEvent { stream, stream_version, event_type, schema_version, payload, .. } = event.clone();
    (stream, stream_version, event_type, schema_version, payload)
}

/// The log, with everything that was told about each of its places.
struct Replay {
    model: Model,
    versions: HashMap<StreamId, i64>,
    /// Successes that changed something.
    changed: HashMap<Uuid, Told>,
    /// Successes that changed nothing, by the position that they were decided on.
    unchanged: BTreeMap<Position, Vec<Told>>,
    /// Refusals that the rules have not yet been found to give.
    refused: Vec<Told>,
}

impl Replay {
    fn new(told: Vec<Told>, events: &[RecordedEvent]) -> Self {
        let written: HashSet<Uuid> = events.iter().map(correlation_of).collect();
        let (mut changed, mut unchanged) = (HashMap::new(), BTreeMap::<_, Vec<_>>::new());
        let mut refused = Vec::new();
        for told in told {
            match (&told.came, written.contains(&told.correlation_id)) {
                (Ok(_), true) => drop(changed.insert(told.correlation_id, told)),
                (Ok(said), false) => unchanged.entry(said.position).or_default().push(told),
                (Err(_), false) => refused.push(told),
                (Err(_), true) => panic!("refused, and in the book: {told:?}"),
            }
        }
        Self { model: Model::default(), versions: HashMap::new(), changed, unchanged, refused }
    }

    fn absorb(&mut self, event: &RecordedEvent) {
        self.model.absorb(event);
        self.versions.insert(event.stream.clone(), event.stream_version);
    }

    /// The events of one command, in the place where they stand.
    fn check_command(&mut self, events: &[RecordedEvent]) {
        let last = events[events.len() - 1].position;
        let told = self.changed.remove(&correlation_of(&events[0]));
        let told = told.unwrap_or_else(|| panic!("nobody was told of the events up to {last}"));
        let now = events[0].recorded_at;
        let (decided, outcome) = decided(&told, &mut self.model, &self.versions, now)
            .unwrap_or_else(|rejection| panic!("at {last} the rules refuse {told:?}: {rejection:?}"));
        let decided: Vec<_> = decided.iter().map(shown).collect();
        let recorded: Vec<_> = events.iter().map(shown_recorded).collect();
        assert_eq!(decided, recorded, "{told:?}");
        let said = told.came.as_ref().unwrap();
        assert_eq!((said.position, &said.outcome), (last, &outcome), "{told:?}");
    }

    /// What was told of this place and left no event.
    fn check_place(&mut self, at: Position, now: DateTime<Utc>) {
        for told in self.unchanged.remove(&at).unwrap_or_default() {
            let (events, outcome) = decided(&told, &mut self.model, &self.versions, now)
                .unwrap_or_else(|rejection| panic!("at {at} the rules refuse {told:?}: {rejection:?}"));
            assert!(events.is_empty(), "at {at} {told:?} changes something: {events:?}");
            assert_eq!(told.came.as_ref().unwrap().outcome, outcome, "{told:?}");
        }
        let (model, versions) = (&mut self.model, &self.versions);
        self.refused.retain(|told| {
            let is_within = told.between.0 <= at && at <= told.between.1;
            !is_within || decided(told, model, versions, now).err() != told.came.as_ref().err().cloned()
        });
    }
}

/// Replays the book and returns how many commands were accepted, found done already, and refused.
fn check(told: Vec<Told>, events: &[RecordedEvent], after: Position) -> (usize, usize, usize) {
    let refusals = told.iter().filter(|told| told.came.is_err()).count();
    let mut replay = Replay::new(told, events);
    let counts = (replay.changed.len(), replay.unchanged.values().map(Vec::len).sum(), refusals);
    for of_one in events.chunk_by(|one, next| correlation_of(one) == correlation_of(next)) {
        if of_one[0].position > after {
            replay.check_command(of_one);
        }
        of_one.iter().for_each(|event| replay.absorb(event));
        let last = &of_one[of_one.len() - 1];
        replay.check_place(last.position, last.recorded_at);
    }
    assert!(replay.changed.is_empty(), "told, and not in the book: {:?}", replay.changed);
    assert!(replay.unchanged.is_empty(), "told of a place that is none: {:?}", replay.unchanged);
    assert!(replay.refused.is_empty(), "refused, and the rules never refused it so: {:?}", replay.refused);
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_clients_were_told_is_what_the_rules_alone_say_at_its_place_in_the_log() {
    let seed = Chance::seed();
    let mut chance = Chance(seed);
    let database = Database::fresh().await;
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Arc::new(Node::start(&database).await));
    }
    for code in SKUS {
        stocked(&nodes[0], code, UNITS).await;
    }
    let first = Sale::check_out(&nodes[0], SKUS[0], 1, "tok_ok").await;
    let after = nodes[0].head().await;
    let known = Known { carts: vec![first.cart_id], sales: vec![first], payments: vec![first.payment_id] };
    let known = Arc::new(Mutex::new(known));
    let mut running = JoinSet::new();
    for number in 0..NODES * CLIENTS_A_NODE {
        let node = Arc::clone(&nodes[number % NODES]);
        running.spawn(client(node, Chance(chance.next()), Arc::clone(&known)));
    }
    let told: Vec<Told> = running.join_all().await.into_iter().flatten().collect();
    let events = nodes[0].events().await;
    check_whole(&nodes[0].book).await;
    let (changed, unchanged, refused) = check(told, &events, after);
    println!("{changed} changed something, {unchanged} changed nothing, {refused} were refused");
    assert!(changed > 300 && unchanged > 30 && refused > 150, "SEED={seed}: {changed}, {unchanged}, {refused}");
}
