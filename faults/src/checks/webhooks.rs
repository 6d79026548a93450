//! I1, of what a provider tells: a webhook that was answered is kept and worked off, and what it tells of is in the ledger.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use crate::{
    evidence::Evidence,
    history::{Kind, Outcome, Record},
};

/// P7: one about a payment of somebody else is parked for good.
const NOT_OURS: &str = "not opened by us";

pub(super) fn what_was_told_is_known(evidence: &Evidence) -> Vec<String> {
    let mut violations = Vec::new();
    let kept: HashMap<&str, (&str, &str)> = evidence
        .webhooks
        .iter()
        .map(|kept| (kept.event_id.as_str(), (kept.state.as_str(), kept.reason.as_str())))
        .collect();
    let told = evidence.history.iter().filter(|record| record.command.kind == Kind::Webhook);
    for record in told {
        let id = event_id(record);
        match (record.outcome, kept.get(id.as_str())) {
            (Outcome::Fail, _) if record.status.is_some_and(|status| status < 500) => {
                violations.push(format!("the webhook {id} was refused: {:?}", record.answer.code));
            }
            (Outcome::Ok, None) => violations.push(format!("the webhook {id} was answered, and is not kept")),
            (Outcome::Ok, Some(("settled", _))) => {}
            (Outcome::Ok, Some(("parked", reason))) if reason.contains(NOT_OURS) => {}
            (Outcome::Ok, Some((state, reason))) => violations.push(format!("the webhook {id} is {state}: {reason}")),
            _ => {}
        }
    }
    let authorized = evidence.book.iter().filter(|event| event.event_type == "payment.authorized");
    let authorized: HashSet<Uuid> = authorized.map(|event| event.stream.id).collect();
    let unknown = evidence.paid_at_the_bank.iter().filter(|payment_id| !authorized.contains(payment_id));
    violations
        .extend(unknown.map(|payment_id| format!("payment {payment_id} was paid, and its webhook was for nothing")));
    violations
}

fn event_id(record: &Record) -> String {
    let body: Value = serde_json::from_str(&record.command.body).unwrap_or_default();
    body["id"].as_str().unwrap_or_default().to_owned()
}
