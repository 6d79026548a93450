//! What a batch makes of returns: those that begin in it are inserted as they stand at its end, the others changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::order::{
    AddressCorrected, LineUnits, ReceivedUnits, ReturnApproved, ReturnReceived, ReturnRejected, ReturnRequested,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::projection::{ApplyError, expect_rows};

/// By order and return.
pub(super) type Returns = BTreeMap<(Uuid, Uuid), ReturnChange>;

/// What is `None` stays as it is.
pub(super) struct ReturnChange {
    request: Option<Request>,
    status: &'static str,
    rejection: Option<String>,
    received: Option<Vec<ReceivedUnits>>,
    amount: Option<i64>,
    decided_at: Option<DateTime<Utc>>,
    received_at: Option<DateTime<Utc>>,
}

struct Request {
    lines: Vec<LineUnits>,
    reason: String,
    requested_at: DateTime<Utc>,
    created_at: i64,
}

impl Default for ReturnChange {
    fn default() -> Self {
        Self {
            request: None,
            status: "requested",
            rejection: None,
            received: None,
            amount: None,
            decided_at: None,
            received_at: None,
        }
    }
}

impl ReturnChange {
    pub(super) fn request(&mut self, requested: ReturnRequested, created_at: i64) {
        let ReturnRequested { lines, reason, requested_at, .. } = requested;
        self.request = Some(Request { lines, reason: reason.to_string(), requested_at, created_at });
    }

    pub(super) fn approve(&mut self, approved: &ReturnApproved) {
        self.status = "approved";
        self.decided_at = Some(approved.approved_at);
    }

    pub(super) fn reject(&mut self, rejected: &ReturnRejected) {
        self.status = "rejected";
        self.rejection = rejected.reason.as_ref().map(ToString::to_string);
        self.decided_at = Some(rejected.rejected_at);
    }

    pub(super) fn receive(&mut self, received: ReturnReceived) {
        self.status = "received";
        self.amount = Some(received.amount.amount());
        self.received_at = Some(received.received_at);
        self.received = Some(received.lines);
    }

    fn received(&self) -> Option<Json<&Vec<ReceivedUnits>>> {
        self.received.as_ref().map(Json)
    }
}

pub(super) async fn write_in_tx(tx: &mut PgConnection, returns: &Returns) -> Result<(), ApplyError> {
    let new: Vec<_> =
        returns.iter().filter_map(|(key, change)| Some((key, change, change.request.as_ref()?))).collect();
    if !new.is_empty() {
        sqlx::query_file!(
            "src/orders/sql/insert_returns.sql",
            &new.iter().map(|((order_id, _), ..)| *order_id).collect::<Vec<_>>(),
            &new.iter().map(|((_, id), ..)| *id).collect::<Vec<_>>(),
            &new.iter().map(|(_, change, _)| change.status).collect::<Vec<_>>() as &[&str],
            &new.iter().map(|(.., request)| request.reason.as_str()).collect::<Vec<_>>() as &[&str],
            &new.iter().map(|(_, change, _)| change.rejection.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
            &new.iter().map(|(.., request)| Json(&request.lines)).collect::<Vec<_>>() as &[Json<_>],
            &new.iter().map(|(_, change, _)| change.received()).collect::<Vec<_>>() as &[Option<Json<_>>],
            &new.iter().map(|(_, change, _)| change.amount).collect::<Vec<_>>() as &[Option<i64>],
            &new.iter().map(|(.., request)| request.requested_at).collect::<Vec<_>>(),
            &new.iter().map(|(_, change, _)| change.decided_at).collect::<Vec<_>>() as &[Option<_>],
            &new.iter().map(|(_, change, _)| change.received_at).collect::<Vec<_>>() as &[Option<_>],
            &new.iter().map(|(.., request)| request.created_at).collect::<Vec<_>>(),
        )
        .execute(&mut *tx)
        .await?;
    }
    update_in_tx(tx, returns).await
}

async fn update_in_tx(tx: &mut PgConnection, returns: &Returns) -> Result<(), ApplyError> {
    let old: Vec<_> = returns.iter().filter(|(_, change)| change.request.is_none()).collect();
    if old.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/orders/sql/update_returns.sql",
        &old.iter().map(|((order_id, _), _)| *order_id).collect::<Vec<_>>(),
        &old.iter().map(|((_, id), _)| *id).collect::<Vec<_>>(),
        &old.iter().map(|(_, change)| change.status).collect::<Vec<_>>() as &[&str],
        &old.iter().map(|(_, change)| change.rejection.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &old.iter().map(|(_, change)| change.received()).collect::<Vec<_>>() as &[Option<Json<_>>],
        &old.iter().map(|(_, change)| change.amount).collect::<Vec<_>>() as &[Option<i64>],
        &old.iter().map(|(_, change)| change.decided_at).collect::<Vec<_>>() as &[Option<_>],
        &old.iter().map(|(_, change)| change.received_at).collect::<Vec<_>>() as &[Option<_>],
    )
    .execute(tx)
    .await?;
    expect_rows("returns", old.len(), done.rows_affected())
}

/// Where orders are sent, by their ids.
pub(super) async fn correct_addresses_in_tx(
    tx: &mut PgConnection,
    corrected: &BTreeMap<Uuid, AddressCorrected>,
) -> Result<(), ApplyError> {
    if corrected.is_empty() {
        return Ok(());
    }
    let done = sqlx::query_file!(
        "src/orders/sql/correct_addresses.sql",
        &corrected.keys().copied().collect::<Vec<_>>(),
        &corrected.values().map(|change| Json(&change.shipping_address)).collect::<Vec<_>>() as &[Json<_>],
        &corrected.values().map(|change| change.country.map(|country| country.as_str())).collect::<Vec<_>>()
            as &[Option<&str>],
    )
    .execute(tx)
    .await?;
    expect_rows("orders", corrected.len(), done.rows_affected())
}
