//! What passes between shoppers, packers and the clerks of a chaotic load about one order: a packer learns which invoice a
//! cart is of, and once customer and packer are both done with an order it goes to a clerk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::header::HeaderValue;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use uuid::Uuid;

use super::account::{Accepted, Ended, Handled};
use super::chaos::{Fate, Seed};
use super::plan::Plan;

/// What everybody who acts otherwise needs.
#[derive(Clone)]
pub(super) struct Chaotic {
    pub(super) seed: Seed,
    pub(super) plan: Arc<Plan>,
    pub(super) handover: Arc<Handover>,
}

impl Chaotic {
    pub(super) fn fate(&self, invoice: usize) -> Fate {
        Fate::of(self.seed, invoice)
    }
}

/// An order that is delivered, and of which the customer wants nothing more until a clerk says so.
pub(super) struct Sold {
    pub(super) accepted: Accepted,
    /// The customer's.
    pub(super) bearer: HeaderValue,
}

pub(super) struct Handover {
    /// By cart: whoever ships learns of an order before the one who checked out has the answer.
    tickets: Mutex<HashMap<Uuid, Ticket>>,
    sold: Mutex<Option<UnboundedSender<Sold>>>,
}

struct Ticket {
    invoice: usize,
    bearer: HeaderValue,
    accepted: Option<Accepted>,
    handled: Option<Handled>,
}

impl Handover {
    pub(super) fn new() -> (Self, UnboundedReceiver<Sold>) {
        let (sender, sold) = mpsc::unbounded_channel();
        (Self { tickets: Mutex::default(), sold: Mutex::new(Some(sender)) }, sold)
    }

    /// Before the cart is checked out.
    pub(super) fn announce(&self, cart_id: Uuid, invoice: usize, bearer: &HeaderValue) {
        let ticket = Ticket { invoice, bearer: bearer.clone(), accepted: None, handled: None };
        self.tickets().insert(cart_id, ticket);
    }

    pub(super) fn invoice_of(&self, cart_id: Uuid) -> Option<usize> {
        self.tickets().get(&cart_id).map(|ticket| ticket.invoice)
    }

    /// The customer does nothing more with it of their own accord.
    pub(super) fn shopped(&self, accepted: &Accepted, plan: &Plan) {
        let mut tickets = self.tickets();
        if accepted.ended == Ended::Cancelled {
            tickets.remove(&accepted.cart_id);
        } else if let Some(ticket) = tickets.get_mut(&accepted.cart_id) {
            ticket.accepted = Some(accepted.clone());
            self.hand_on(&mut tickets, accepted.cart_id, plan);
        }
    }

    /// It is sent and delivered.
    pub(super) fn handled(&self, cart_id: Uuid, handled: Handled, plan: &Plan) {
        let mut tickets = self.tickets();
        if let Some(ticket) = tickets.get_mut(&cart_id) {
            ticket.handled = Some(handled);
            self.hand_on(&mut tickets, cart_id, plan);
        }
    }

    /// No order follows any more.
    pub(super) fn close(&self) {
        drop(self.sold.lock().expect("no code panics while it holds the lock").take());
    }

    fn hand_on(&self, tickets: &mut HashMap<Uuid, Ticket>, cart_id: Uuid, plan: &Plan) {
        let is_ready = |ticket: &Ticket| ticket.accepted.is_some() && ticket.handled.is_some();
        if !tickets.get(&cart_id).is_some_and(is_ready) {
            return;
        }
        let Some(Ticket { bearer, accepted: Some(mut accepted), handled: Some(handled), .. }) =
            tickets.remove(&cart_id)
        else {
            return;
        };
        accepted.handle(handled, plan);
        if let Some(sold) = &*self.sold.lock().expect("no code panics while it holds the lock") {
            // The clerks stay until nothing follows any more.
            drop(sold.send(Sold { accepted, bearer }));
        }
    }

    fn tickets(&self) -> MutexGuard<'_, HashMap<Uuid, Ticket>> {
        self.tickets.lock().expect("no code panics while it holds the lock")
    }
}
