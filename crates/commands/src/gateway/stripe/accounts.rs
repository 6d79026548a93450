//! What stands in Stripe's books, for webhooks and the reconciler.

use domain::money::Money;
use domain::payment::{FailureCode, ProviderReference};
use hyper::StatusCode;
use serde_json::Value;

use super::amount::from_stripe;
use super::answers::refusal;
use super::form::{Form, step};
use super::http::{Client, unknown};
use super::objects::{self, Dispute, Intent, List, intent, read, word_of};
use crate::gateway::GatewayError;
use crate::gateway::account::{
    Cursor, DisputeOutcome, GivenBack, Page, Period, ProviderDispute, ProviderPayment, RefundOutcome, Stage, Taken,
};

/// The most that Stripe puts on a page.
pub(super) const LIST_ITEMS_MAX: usize = 100;

pub(super) async fn look_up(
    client: &Client,
    reference: &ProviderReference,
) -> Result<Option<ProviderPayment>, GatewayError> {
    let path = format!("/v1/payment_intents/{}", step(reference.as_str()));
    let reply = client.get(&path, &Form::default().with("expand[]", "latest_charge")).await?;
    if reply.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !reply.status.is_success() {
        return Err(refusal(&reply));
    }
    complete(client, &reply.body, true).await.map(Some)
}

/// Newest first.
pub(super) async fn list(client: &Client, opened: &Period, after: Option<&Cursor>) -> Result<Page, GatewayError> {
    let query = Form::default()
        .with("limit", LIST_ITEMS_MAX)
        .with("created[gte]", opened.from.timestamp())
        .with("created[lt]", opened.until.timestamp())
        .with("expand[]", "data.latest_charge");
    let query = after.iter().fold(query.clone(), |query, cursor| query.with("starting_after", &cursor.0));
    let reply = client.get("/v1/payment_intents", &query).await?;
    if !reply.status.is_success() {
        return Err(refusal(&reply));
    }
    let list: List = read(&reply.body).ok_or_else(|| unknown("the answer is not a list"))?;
    let next = list.data.last().filter(|_| list.has_more).map(|last| {
        let id = last["id"].as_str().ok_or_else(|| unknown("the list goes on from nowhere"))?;
        Ok::<_, GatewayError>(Cursor(id.to_owned()))
    });
    let mut page = Page { next: next.transpose()?, ..Page::default() };
    for item in &list.data {
        match complete(client, item, false).await {
            Ok(payment) => page.payments.push(payment),
            Err(GatewayError::Refused { reason }) => page.unreadable.push(reason),
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

/// With what is not part of the intent itself. Refused: it is no intent that can be read, and will not be another time.
async fn complete(client: &Client, value: &Value, one_by_one: bool) -> Result<ProviderPayment, GatewayError> {
    let unreadable = || GatewayError::Refused { reason: format!("{} cannot be read", value["id"]) };
    let intent = intent(value).ok_or_else(unreadable)?;
    let mut payment = payment(&intent).ok_or_else(unreadable)?;
    let charge = intent.charge();
    if charge.is_some_and(|charge| charge.disputed) {
        payment.disputes = disputes(client, &intent).await?;
    }
    // One that failed is not in the sum, and is known here if it was thought to have succeeded.
    if charge.is_some_and(|charge| charge.amount_refunded > 0) || one_by_one && payment.captured.is_some() {
        payment.refunds = refunds(client, &intent).await?;
    }
    Ok(payment)
}

fn payment(intent: &Intent) -> Option<ProviderPayment> {
    let amount = intent.money(intent.amount)?;
    let captured = match intent.status.as_str() {
        "succeeded" => Some(Taken {
            operation_id: intent.charge_id()?,
            amount: intent.money(intent.amount_received)?,
            capture_id: intent.capture_id(),
        }),
        _ => None,
    };
    Some(ProviderPayment {
        reference: intent.reference()?,
        payment_id: intent.payment_id(),
        amount,
        opened_at: intent.opened_at()?,
        stage: stage(intent),
        held: intent.money(intent.amount_capturable).unwrap_or(Money::zero(amount.currency())),
        captured,
        refunded: intent.money(intent.charge().map_or(0, |charge| charge.amount_refunded))?,
        refunds: Vec::new(),
        disputes: Vec::new(),
    })
}

fn stage(intent: &Intent) -> Stage {
    match intent.status.as_str() {
        "requires_capture" => Stage::Held,
        "succeeded" => Stage::Taken,
        "canceled" => Stage::Ended,
        "requires_action" => match intent.action_url() {
            Some(url) => Stage::ActionRequired { url },
            None => Stage::Declined { code: word_of("authentication_required") },
        },
        "requires_payment_method" => Stage::Declined { code: intent.failure() },
        _ => Stage::Undecided,
    }
}

async fn refunds(client: &Client, intent: &Intent) -> Result<Vec<GivenBack>, GatewayError> {
    let items = list_of_intent(client, "/v1/refunds", intent).await?;
    let refunds: Option<Vec<_>> = items.iter().map(|item| given_back(&objects::refund(item)?)).collect();
    let mut refunds = refunds.ok_or_else(|| unknown("the list holds what is no refund"))?;
    refunds.reverse();
    Ok(refunds)
}

fn given_back(refund: &objects::Refund) -> Option<GivenBack> {
    let outcome = match refund.status.as_deref() {
        Some("succeeded") => RefundOutcome::Succeeded,
        Some("failed" | "canceled") => RefundOutcome::Failed { code: refund.failure() },
        _ => RefundOutcome::Pending,
    };
    let (operation_id, amount) = (refund.reference()?, refund.money()?);
    Some(GivenBack { operation_id, amount, refund_id: refund.refund_id(), outcome })
}

/// The newest of them, newest first.
async fn list_of_intent(client: &Client, path: &str, intent: &Intent) -> Result<Vec<Value>, GatewayError> {
    let query = Form::default().with("payment_intent", &intent.id).with("limit", LIST_ITEMS_MAX);
    let reply = client.get(path, &query).await?;
    if !reply.status.is_success() {
        return Err(refusal(&reply));
    }
    read::<List>(&reply.body).map(|list| list.data).ok_or_else(|| unknown("the answer is not a list"))
}

async fn disputes(client: &Client, intent: &Intent) -> Result<Vec<ProviderDispute>, GatewayError> {
    let items = list_of_intent(client, "/v1/disputes", intent).await?;
    let disputes: Option<Vec<_>> = items.iter().map(|item| dispute(&read(item)?)).collect();
    let disputes = disputes.ok_or_else(|| unknown("the list holds what is no dispute"))?;
    // Oldest first, as they came to us.
    Ok(disputes.into_iter().flatten().rev().collect())
}

/// Inside: `None` for an inquiry, by which no money has moved and none may yet. Outside: it cannot be read.
#[expect(clippy::option_option, reason = "what is left out is another thing than what cannot be read")]
fn dispute(dispute: &Dispute) -> Option<Option<ProviderDispute>> {
    let outcome = match dispute.status.as_str() {
        "won" | "prevented" => DisputeOutcome::Won,
        "lost" => DisputeOutcome::Lost,
        status if status.starts_with("warning_") => return Some(None),
        _ => DisputeOutcome::Open,
    };
    Some(Some(ProviderDispute {
        dispute_id: ProviderReference::new(&dispute.id).ok()?,
        amount: from_stripe(dispute.amount, &dispute.currency)?,
        reason: FailureCode::new(&dispute.reason).ok()?,
        outcome,
    }))
}
