//! The staff: one of them pages through the confirmed orders, the others ship and deliver them, until all are delivered.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

use super::board::Board;
use super::chaos::kinds::Happened;
use super::client::{Ask, Client, Failure, Repeat};
use super::endpoint::Endpoint;
use super::handover::Chaotic;
use super::parcels::Packing;
use super::shopper::{id_in_location, new_key};
use super::tally::Tally;
use super::tokens::Tokens;

/// Connections that ship and deliver. An order is 2 of the about 30 commands that a basket takes.
const PACKERS: usize = 4;
const PAGE: u32 = 100;
/// Orders that were seen and wait for a packer.
const WAITING_MAX: usize = 4 * PAGE as usize;
/// Between two rounds through the list; the read model needs a moment to forget what was shipped.
const PAUSE: Duration = Duration::from_millis(500);
/// Confirming takes a gateway call of a process; without any delivery for this long, something is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the staff did.
#[derive(Default)]
pub(super) struct Staffed {
    pub(super) tally: Tally,
    pub(super) happened: Happened,
    /// The first thing that went wrong.
    pub(super) failure: Option<StaffError>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StaffError {
    #[error("the confirmed orders could not be listed")]
    List(#[source] Failure),
    #[error("an order could not be shipped and delivered")]
    Pack(#[source] Failure),
    #[error("{delivered} orders are delivered, and for {} s no other was confirmed", PATIENCE.as_secs())]
    Stuck { delivered: u64 },
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Order>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    id: Uuid,
    /// What an order of this load came from.
    cart_id: Option<Uuid>,
}

type Queue = Arc<Mutex<mpsc::Receiver<Order>>>;

pub(super) async fn run(
    endpoint: &Endpoint,
    tokens: &Arc<Tokens>,
    board: &Arc<Board>,
    chaotic: Option<Chaotic>,
) -> Staffed {
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let waiting = Arc::new(Mutex::new(waiting));
    let mut packers = JoinSet::new();
    for _ in 0..PACKERS {
        let (waiting, tokens, board) = (Arc::clone(&waiting), Arc::clone(tokens), Arc::clone(board));
        packers.spawn(pack(Client::new(endpoint), waiting, tokens, board, chaotic.clone()));
    }
    let mut staffed =
        Staffed { failure: list(Client::new(endpoint), queue, tokens, board).await.err(), ..Staffed::default() };
    while let Some(packed) = packers.join_next().await {
        let packed = packed.expect("a packer does not panic");
        staffed.tally.merge(&packed.tally);
        staffed.happened.merge(packed.happened);
        staffed.failure = staffed.failure.or(packed.failure);
    }
    staffed
}

/// Hands every confirmed order to a packer, once. It ends by dropping the queue.
async fn list(
    mut client: Client,
    queue: mpsc::Sender<Order>,
    tokens: &Tokens,
    board: &Board,
) -> Result<(), StaffError> {
    let mut seen = HashSet::new();
    let mut last_delivery = (Instant::now(), board.delivered());
    while !board.all_delivered() {
        let mut cursor = None;
        loop {
            let path = page_path(cursor.as_deref());
            let page: Page = client.read(&path, tokens.staff(), 0).await.map_err(StaffError::List)?;
            for order in page.data {
                if seen.insert(order.id) && queue.send(order).await.is_err() {
                    return Ok(());
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        if board.delivered() != last_delivery.1 || !board.shopping_is_over() {
            last_delivery = (Instant::now(), board.delivered());
        } else if last_delivery.0.elapsed() > PATIENCE {
            return Err(StaffError::Stuck { delivered: last_delivery.1 });
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

fn page_path(cursor: Option<&str>) -> String {
    let first = format!("/v1/orders?status=confirmed&limit={PAGE}");
    cursor.map_or_else(|| first.clone(), |cursor| format!("{first}&cursor={cursor}"))
}

async fn pack(
    mut client: Client,
    waiting: Queue,
    tokens: Arc<Tokens>,
    board: Arc<Board>,
    chaotic: Option<Chaotic>,
) -> Staffed {
    let mut staffed = Staffed::default();
    loop {
        let Some(order) = waiting.lock().await.recv().await else { break };
        let sent = match &chaotic {
            None => ship_and_deliver(&mut client, tokens.staff(), order.id).await.map(|()| true),
            Some(chaotic) => send_off(&mut client, tokens.staff(), &order, chaotic, &mut staffed.happened).await,
        };
        match sent {
            Ok(true) => board.deliver(),
            // Whoever cancelled it counts it.
            Ok(false) => {}
            Err(error) => staffed.failure = staffed.failure.or(Some(StaffError::Pack(error))),
        }
    }
    staffed.tally = client.tally;
    staffed
}

/// Whether it was delivered; otherwise its customer had cancelled it.
async fn send_off(
    client: &mut Client,
    staff: &HeaderValue,
    order: &Order,
    chaotic: &Chaotic,
    happened: &mut Happened,
) -> Result<bool, Failure> {
    let Chaotic { plan, handover, .. } = chaotic;
    let Some((cart_id, invoice)) = order.cart_id.and_then(|cart_id| Some((cart_id, handover.invoice_of(cart_id)?)))
    else {
        // Cancelled, and gone from the list of who is to be served.
        return Ok(false);
    };
    let (fate, ordered) = (chaotic.fate(invoice), plan.units_of(&plan.invoices()[invoice]));
    let packing = Packing { client, staff, plan, order_id: order.id, fate, happened };
    let Some(handled) = packing.send_off(ordered).await? else { return Ok(false) };
    handover.handled(cart_id, handled, plan);
    Ok(true)
}

async fn ship_and_deliver(client: &mut Client, bearer: &HeaderValue, order: Uuid) -> Result<(), Failure> {
    let path = format!("/v1/orders/{order}/shipments");
    let body = json!({ "carrier": "Made-up Parcels", "tracking": order.simple().to_string() });
    let (key, body) = (new_key(), body.to_string().into());
    let ask = Ask { method: Method::POST, path: &path, bearer: Some(bearer), body, repeat: Repeat::Keyed(&key) };
    let shipment = id_in_location(&path, &client.command(&ask).await?)?;
    let path = format!("{path}/{shipment}/delivery");
    // Delivering what is delivered changes nothing.
    let (body, repeat) = (Bytes::from_static(b"{}"), Repeat::Harmless);
    client.command(&Ask { method: Method::POST, path: &path, bearer: Some(bearer), body, repeat }).await?;
    Ok(())
}
