//! Calls to a provider: each is made by one worker at a time, none is lost with its worker, and nothing is done twice by a
//! provider, whatever becomes of its answers.

use std::sync::Arc;

use commands::process::calls::CallWorkers;
use sqlx::{Row as _, postgres::PgRow};
use tokio_util::sync::CancellationToken;

use super::{
    node::until,
    paid::selling_mugs,
    running::{Premises, Running},
    shop::Sale,
};

/// Another worker, as another node has one.
fn worker(premises: &Premises, running: &Running) -> CallWorkers {
    CallWorkers::new(premises.pool(), running.node.commands.clone(), Arc::new(premises.gateways()))
}

/// Of the one call that is open.
async fn open_call(premises: &Premises) -> PgRow {
    let read = "SELECT attempts, last_error, leased_until IS NOT NULL AS leased,
                    coalesce(extract(epoch FROM leased_until - now()), 0)::float8 AS lease_seconds,
                    extract(epoch FROM next_attempt_at - now())::float8 AS pause_seconds
                FROM process.calls";
    sqlx::query(read).fetch_one(&premises.database.owner).await.unwrap()
}

/// A worker that is waiting for the provider's answer.
async fn waiting_worker(premises: &Premises, running: &Running, sale: &Sale) -> tokio::task::JoinHandle<usize> {
    let said = premises.provider.said_of(sale.payment_id).len();
    let worker = worker(premises, running);
    let waiting = tokio::spawn(async move { worker.run_once().await.unwrap() });
    until("the provider is asked", async || premises.provider.said_of(sale.payment_id).len() > said).await;
    waiting
}

/// Longer than the provider is waited for, twice: to ask what became of a call, and to send it.
const LEASE_MIN_SECONDS: f64 = 20.0;

#[tokio::test]
async fn a_call_is_claimed_by_one_worker_and_given_back_by_one_that_dies() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = running.requested("tok_slow").await;
    premises.provider.hold();
    let dying = waiting_worker(&premises, &running, &sale).await;
    let lease: f64 = open_call(&premises).await.get("lease_seconds");
    assert!(lease > LEASE_MIN_SECONDS, "{lease}");
    let other = worker(&premises, &running);
    assert_eq!(other.run_once().await.unwrap(), 0);
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    assert_eq!(other.run_once().await.unwrap(), 0, "its lease has not ended");
    premises.leases_end().await;
    premises.provider.let_go();
    assert_eq!(other.run_once().await.unwrap(), 1);
    // It asked, and sent nothing again.
    assert_eq!(premises.provider.said_of(sale.payment_id), ["authorize", "find"]);
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
    assert_eq!((premises.open_calls().await, other.run_once().await.unwrap()), (0, 0));
}

#[tokio::test]
async fn a_worker_that_comes_too_late_does_not_give_away_the_claim_of_the_one_after_it() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = running.requested("tok_slow").await;
    premises.provider.hold();
    let late = waiting_worker(&premises, &running, &sale).await;
    premises.leases_end().await;
    // The one that comes after it holds the call, and has not got through to the provider yet.
    let claim = "UPDATE process.calls SET attempts = attempts + 1, leased_until = now() + interval '60 s'";
    sqlx::query(claim).execute(&premises.database.owner).await.unwrap();
    running.node.kill().await;
    premises.provider.let_go();
    // It cannot record what it was told: it puts the call off, but it is not its call any more.
    late.await.unwrap();
    let call = open_call(&premises).await;
    assert_eq!((call.get("attempts"), call.get("leased"), call.get("last_error")), (2, true, None::<String>));
}

#[tokio::test]
async fn a_call_that_is_never_answered_is_asked_about_and_never_charged_twice() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = running.requested("tok_timeout").await;
    // Waits as long as a provider is waited for.
    assert_eq!(running.make_calls().await, 1);
    let call = open_call(&premises).await;
    let error: String = call.get("last_error");
    assert!(error.contains("did not answer"), "{error}");
    assert_eq!((call.get("attempts"), call.get("leased")), (1, false));
    assert_eq!(premises.payment(sale.payment_id).await.status(), "initiated");
    running.settle().await;
    assert_eq!(premises.provider.said_of(sale.payment_id), ["authorize", "find"]);
    assert_eq!(premises.provider.done_for(sale.payment_id), ["authorize"]);
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
}

#[tokio::test]
async fn a_worker_that_dies_between_the_record_and_the_note_of_it_leads_to_nothing_new() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = Sale::check_out(&running.node, "MUG", 1, "tok_ok").await;
    let cancelled = Sale::check_out(&running.node, "MUG", 1, "tok_ok").await;
    running.settle().await;
    running.node.accept(sale.ship()).await;
    running.node.accept(cancelled.cancel()).await;
    running.follow().await;
    // The requests of a capture and of a void, as they stood before they were made.
    let keep = "CREATE TABLE kept AS SELECT * FROM process.calls";
    sqlx::query(keep).execute(&premises.database.owner).await.unwrap();
    running.settle().await;
    let (head, said) = (running.node.head().await, premises.provider.said_of(sale.payment_id));
    let put_back = "INSERT INTO process.calls SELECT * FROM kept";
    assert_eq!(sqlx::query(put_back).execute(&premises.database.owner).await.unwrap().rows_affected(), 2);
    premises.leases_end().await;
    running.settle().await;
    assert_eq!((running.node.head().await, premises.open_calls().await), (head, 0));
    assert_eq!(premises.provider.said_of(sale.payment_id), said);
    assert_eq!(premises.provider.done_for(sale.payment_id), ["authorize", "capture"]);
    assert_eq!(premises.provider.done_for(cancelled.payment_id), ["authorize", "void"]);
}

#[tokio::test]
async fn a_provider_that_answers_slowly_does_not_hold_up_other_orders() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    premises.provider.hold();
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(running.requested("tok_slow").await);
    }
    let stop = CancellationToken::new();
    let workers = tokio::spawn(running.workers.clone().run(stop.clone()));
    until("all of them wait", async || slow.iter().all(|sale| !premises.provider.said_of(sale.payment_id).is_empty()))
        .await;
    let quick = running.requested("tok_ok").await;
    let settled = async || premises.payment(quick.payment_id).await.status() == "authorized";
    until("another order is authorised", settled).await;
    running.follow().await;
    assert_eq!(premises.order(quick.order_id).await.status(), "confirmed");
    for sale in &slow {
        assert_eq!(premises.payment(sale.payment_id).await.status(), "initiated");
    }
    premises.provider.let_go();
    until("the slow ones are authorised too", async || premises.open_calls().await == 0).await;
    stop.cancel();
    workers.await.unwrap();
    running.settle().await;
    for sale in &slow {
        assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
        assert_eq!(premises.provider.done_for(sale.payment_id), ["authorize"]);
    }
}

#[tokio::test]
async fn each_token_leads_its_order_where_it_belongs() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    for (token, said, done, end) in [
        ("tok_ok", &["authorize"][..], &["authorize"][..], ("confirmed", "authorized")),
        ("tok_slow", &["authorize"], &["authorize"], ("confirmed", "authorized")),
        ("tok_error_once", &["authorize", "find", "authorize"], &["authorize"], ("confirmed", "authorized")),
        ("tok_capture_fails", &["authorize"], &["authorize"], ("confirmed", "authorized")),
        ("tok_declined", &["authorize"], &[], ("pending", "failed")),
        ("tok_insufficient_funds", &["authorize"], &[], ("pending", "failed")),
        ("tok_requires_action", &["authorize"], &[], ("pending", "action_required")),
    ] {
        let sale = Sale::check_out(&running.node, "MUG", 1, token).await;
        running.settle().await;
        assert_eq!(premises.status(sale.order_id, sale.payment_id).await, end, "{token}");
        assert_eq!(premises.provider.said_of(sale.payment_id), said, "{token}");
        assert_eq!(premises.provider.done_for(sale.payment_id), done, "{token}");
        assert_eq!(premises.open_calls().await, 0, "{token}");
    }
}

#[tokio::test]
async fn a_capture_that_fails_leaves_the_order_shipped_and_its_payment_failed() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = Sale::check_out(&running.node, "MUG", 1, "tok_capture_fails").await;
    running.settle().await;
    running.node.accept(sale.ship()).await;
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("shipped", "failed"));
    assert_eq!(premises.provider.said_of(sale.payment_id), ["authorize", "capture"]);
    assert_eq!(premises.provider.done_for(sale.payment_id), ["authorize"]);
    let history = premises.payment_history(sale.payment_id).await;
    assert_eq!(history[history.len() - 2..], ["payment.capture_requested", "payment.failed"]);
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_less_and_less_often_and_charges_once_when_it_is_back() {
    let (premises, mut running) = selling_mugs(Premises::open().await).await;
    let sale = running.requested("tok_ok").await;
    premises.provider.goes_away(true);
    let mut pauses = Vec::new();
    for attempt in 1..=5 {
        assert_eq!(running.make_calls().await, 1);
        let call = open_call(&premises).await;
        assert_eq!(call.get::<i32, _>("attempts"), attempt);
        pauses.push(call.get::<f64, _>("pause_seconds"));
        assert_eq!(running.workers.run_once().await.unwrap(), 0, "it is put off");
    }
    assert!(pauses.is_sorted() && pauses[4] > 8.0, "{pauses:?}");
    assert_eq!(premises.payment(sale.payment_id).await.status(), "initiated");
    premises.provider.goes_away(false);
    running.settle().await;
    assert_eq!(premises.status(sale.order_id, sale.payment_id).await, ("confirmed", "authorized"));
    // Sent once: from then on it was only asked.
    let said = premises.provider.said_of(sale.payment_id);
    assert_eq!(said.iter().filter(|said| **said == "authorize").count(), 1, "{said:?}");
    assert_eq!(premises.provider.done_for(sale.payment_id), ["authorize"]);
}
