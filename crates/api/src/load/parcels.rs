//! How an order leaves in a chaotic load: in several parcels, with what is unsent cancelled in between, everything reported twice,
//! while its customer may cancel it or lines of it at any moment.

use hyper::Method;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::json;
use uuid::Uuid;

use super::account::Handled;
use super::chaos::Fate;
use super::chaos::draws::{Units, less};
use super::chaos::kinds::{Happened, Kind};
use super::client::{Ask, Client, Failure, Repeat};
use super::plan::Plan;
use super::shopper::{id_in_location, new_key};

/// The state does not allow it.
pub(super) const ILLEGAL: &str = "illegal_transition";
/// There are fewer units than that.
pub(super) const TOO_MANY: &str = "quantity_exceeded";

/// One order in the hands of a packer.
pub(super) struct Packing<'a> {
    pub(super) client: &'a mut Client,
    pub(super) staff: &'a HeaderValue,
    pub(super) plan: &'a Plan,
    pub(super) order_id: Uuid,
    pub(super) fate: Fate,
    pub(super) happened: &'a mut Happened,
}

impl Packing<'_> {
    /// Sends and delivers everything that may be sent. Nothing, where the customer has cancelled the order before.
    pub(super) async fn send_off(mut self, ordered: Units) -> Result<Option<Handled>, Failure> {
        let (mut unsent, mut handled, mut shipments) = (ordered, Handled::default(), Vec::new());
        for number in 1..self.fate.parcels {
            let parcel = self.fate.parcel(number, &unsent);
            if parcel.is_empty() {
                break;
            }
            match self.ship(Some(&parcel)).await {
                Ok(shipment) => {
                    shipments.push(shipment);
                    less(&mut unsent, parcel.clone());
                    handled.parcels.push(parcel);
                }
                // The customer has cancelled some of it.
                Err(failure) if failure.code() == TOO_MANY => {}
                // All of it, or all that was left.
                Err(failure) if failure.code() == ILLEGAL => break,
                Err(failure) => return Err(failure),
            }
        }
        if self.fate.staff_cancels {
            handled.cancelled = self.cancel(self.fate.cancelled_by_staff(&unsent, shipments.len())).await?;
        }
        match self.ship(None).await {
            Ok(shipment) => {
                shipments.push(shipment);
                handled.rest_is_sent = true;
            }
            Err(failure) if failure.code() != ILLEGAL => return Err(failure),
            Err(_) if shipments.is_empty() => return Ok(None),
            // Nothing was left.
            Err(_) => {}
        }
        self.happened.note_if(shipments.len() > 1, Kind::SentInParcels);
        self.happened.note_if(self.fate.staff_repeats, Kind::ParcelRepeated);
        // The last that left arrives first.
        for shipment in shipments.into_iter().rev() {
            self.deliver(shipment).await?;
        }
        Ok(Some(handled))
    }

    async fn ship(&mut self, units: Option<&Units>) -> Result<Uuid, Failure> {
        let path = format!("/v1/orders/{}/shipments", self.order_id);
        let mut body = json!({ "carrier": "Made-up Parcels", "tracking": self.order_id.simple().to_string() });
        if let Some(units) = units {
            body["lines"] = self.plan.lines_json(units);
        }
        let (key, body) = (new_key(), body.to_string().into());
        let ask =
            Ask { method: Method::POST, path: &path, bearer: Some(self.staff), body, repeat: Repeat::Keyed(&key) };
        let shipment = id_in_location(&path, &self.client.command(&ask).await?)?;
        if self.fate.staff_repeats {
            let again = self.client.command(&ask).await.and_then(|answer| id_in_location(&path, &answer));
            self.happened.require(again.as_ref().is_ok_and(|again| *again == shipment), || {
                format!("the repeat of {path} was answered {again:?}, not {shipment}")
            });
        }
        Ok(shipment)
    }

    async fn deliver(&mut self, shipment: Uuid) -> Result<(), Failure> {
        let path = format!("/v1/orders/{}/shipments/{shipment}/delivery", self.order_id);
        // Delivering what is delivered changes nothing.
        for _ in 0..=u8::from(self.fate.staff_repeats) {
            let (body, repeat) = (Bytes::from_static(b"{}"), Repeat::Harmless);
            let ask = Ask { method: Method::POST, path: &path, bearer: Some(self.staff), body, repeat };
            self.client.command(&ask).await?;
        }
        Ok(())
    }

    /// What was cancelled: nothing, if the customer was first.
    async fn cancel(&mut self, units: Units) -> Result<Units, Failure> {
        if units.is_empty() {
            return Ok(units);
        }
        let path = format!("/v1/orders/{}/cancellation", self.order_id);
        let body = json!({ "reason": "not to be had any more", "lines": self.plan.lines_json(&units) });
        let (key, body) = (new_key(), body.to_string().into());
        let ask =
            Ask { method: Method::POST, path: &path, bearer: Some(self.staff), body, repeat: Repeat::Keyed(&key) };
        match self.client.command(&ask).await {
            Ok(_) => {
                self.happened.note(Kind::LinesCancelledByStaff);
                Ok(units)
            }
            Err(failure) if [ILLEGAL, TOO_MANY].contains(&failure.code()) => Ok(Units::new()),
            Err(failure) => Err(failure),
        }
    }
}
