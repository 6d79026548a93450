//! The metadata that every event of one command carries.

use serde::Serialize;
use uuid::Uuid;

use crate::command::{Actor, Causation, Envelope};

#[derive(Serialize)]
struct Metadata<'a> {
    actor: &'a Actor,
    correlation_id: Uuid,
    causation: &'a Causation,
    command_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

pub(crate) fn render(envelope: &Envelope, command_id: Uuid) -> String {
    let metadata = Metadata {
        actor: &envelope.actor,
        correlation_id: envelope.correlation_id,
        causation: &envelope.causation,
        command_id,
        traceparent: envelope.traceparent.as_deref(),
    };
    serde_json::to_string(&metadata).expect("metadata is a plain struct of strings and ids")
}
