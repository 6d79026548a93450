//! What became of a request whose answer was lost.
//!
//! A capture and a void are seen on their intent, which is asked for by its id; a refund among those of its intent. An authorisation has no id that we know:
//! its intent carries ours of the payment, and is looked for among those that were made since, a list that is true at
//! once. Where those are too many, or (P3) Stripe may have forgotten the key, it is searched for by that metadata. What is
//! searched for is found with a delay, so that finding nothing means something only for what is old enough.

use chrono::{DateTime, TimeDelta, Utc};
use domain::payment::ProviderReference;

use super::answers::{self, refusal};
use super::form::{Form, step};
use super::http::{Client, unknown};
use super::objects::{self, Intent, List, intent, read};
use super::{PAYMENT_ID, accounts::LIST_ITEMS_MAX};
use crate::gateway::{AuthorizeRequest, CaptureRequest, GatewayError, Receipt, RefundRequest, VoidRequest};

/// Pages of a list that are read to find one intent: three exchanges fit into the time that a call has.
const PAGES_MAX: u32 = 3;
/// How much Stripe's clock may be behind ours.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(2);
/// By then a search finds what there is: within a minute as a rule, up to an hour while Stripe has trouble.
const SEARCH_LAG_MAX: TimeDelta = TimeDelta::hours(1);

pub(super) async fn authorization(
    client: &Client,
    request: &AuthorizeRequest,
    now: DateTime<Utc>,
) -> Result<Option<Receipt>, GatewayError> {
    let found = if request.idempotency_key.may_be_forgotten(now) {
        search(client, request).await?
    } else {
        match since(client, request).await? {
            Listed::Found(intent) => Some(intent),
            Listed::NotThere => None,
            Listed::TooMany => match search(client, request).await? {
                None if now - request.idempotency_key.made_at() < SEARCH_LAG_MAX => {
                    return Err(unknown("a search may not show the intent yet"));
                }
                found => found,
            },
        }
    };
    let Some(intent) = found else { return Ok(None) };
    if intent.money(intent.amount) != Some(request.amount) {
        return Err(unknown("the intent has another amount"));
    }
    answers::authorization_of(&intent).map(Some)
}

enum Listed {
    Found(Box<Intent>),
    NotThere,
    TooMany,
}

async fn since(client: &Client, request: &AuthorizeRequest) -> Result<Listed, GatewayError> {
    let from = (request.idempotency_key.made_at() - CLOCKS_DIFFER).timestamp();
    let mut query = Form::default().with("limit", LIST_ITEMS_MAX).with("created[gte]", from);
    for _ in 0..PAGES_MAX {
        let (intents, has_more) = intents(client, "/v1/payment_intents", &query).await?;
        let last = intents.last().map(|intent| intent.id.clone());
        if let Some(found) = intents.into_iter().find(|intent| intent.payment_id() == Some(request.payment_id)) {
            return Ok(Listed::Found(Box::new(found)));
        }
        let Some(last) = last.filter(|_| has_more) else { return Ok(Listed::NotThere) };
        query = Form::default().with("limit", LIST_ITEMS_MAX).with("created[gte]", from).with("starting_after", last);
    }
    Ok(Listed::TooMany)
}

async fn search(client: &Client, request: &AuthorizeRequest) -> Result<Option<Box<Intent>>, GatewayError> {
    let wanted = format!("metadata['{PAYMENT_ID}']:'{}'", request.payment_id);
    let query = Form::default().with("query", wanted).with("limit", 1);
    let (found, _) = intents(client, "/v1/payment_intents/search", &query).await?;
    // Whatever was searched for: what is not ours is not taken.
    let ours = found.into_iter().find(|intent| intent.payment_id() == Some(request.payment_id));
    Ok(ours.map(Box::new))
}

/// A list that has an item that cannot be read is not a clear answer.
async fn intents(client: &Client, path: &str, query: &Form) -> Result<(Vec<Intent>, bool), GatewayError> {
    let list = list(client, path, query).await?;
    let items: Option<Vec<Intent>> = list.data.iter().map(intent).collect();
    Ok((items.ok_or_else(|| unknown("the list holds what is no payment intent"))?, list.has_more))
}

pub(super) async fn capture(client: &Client, request: &CaptureRequest) -> Result<Option<Receipt>, GatewayError> {
    answers::capture_of(&by_id(client, &request.authorization).await?, request)
}

pub(super) async fn void(client: &Client, request: &VoidRequest) -> Result<Option<Receipt>, GatewayError> {
    answers::void_of(&by_id(client, &request.authorization).await?, request)
}

/// By the key of the request, which it carries as metadata.
pub(super) async fn refund(client: &Client, request: &RefundRequest) -> Result<Option<Receipt>, GatewayError> {
    let of = |query: Form| query.with("payment_intent", &request.authorization).with("limit", LIST_ITEMS_MAX);
    let mut query = of(Form::default());
    for _ in 0..PAGES_MAX {
        let list = list(client, "/v1/refunds", &query).await?;
        let refunds: Option<Vec<_>> = list.data.iter().map(objects::refund).collect();
        let refunds = refunds.ok_or_else(|| unknown("the list holds what is no refund"))?;
        let key = Some(request.idempotency_key.as_str());
        if let Some(found) = refunds.iter().find(|refund| refund.request() == key) {
            return answers::refund_of(found, request).map(Some);
        }
        let Some(last) = refunds.last().filter(|_| list.has_more) else { return Ok(None) };
        query = of(Form::default().with("starting_after", &last.id));
    }
    Err(unknown("the payment has too many refunds to find one"))
}

async fn list(client: &Client, path: &str, query: &Form) -> Result<List, GatewayError> {
    let reply = client.get(path, query).await?;
    if !reply.status.is_success() {
        return Err(unknown(format!("a list was refused: {}", refusal(&reply))));
    }
    read(&reply.body).ok_or_else(|| unknown("the answer is not a list"))
}

async fn by_id(client: &Client, reference: &ProviderReference) -> Result<Intent, GatewayError> {
    let path = format!("/v1/payment_intents/{}", step(reference.as_str()));
    let reply = client.get(&path, &Form::default()).await?;
    if !reply.status.is_success() {
        return Err(refusal(&reply));
    }
    intent(&reply.body).ok_or_else(|| unknown("the answer is not a payment intent"))
}
