//! What users of other systems complain of, each as a test that fails where Daybook has the fault: over HTTP, on a real Postgres,
//! with as many clients at once as it took there. README lists them; each test's comment names the thread and what happened.

use axum::http::Method;
use futures_util::future::join_all;
use support::stripe::{WEBHOOK_SECRET, Webhook};
use uuid::Uuid;

use crate::http::{
    answer::Answer,
    client::Request,
    shop::Shop,
    steps::{gbp, paying_with},
};

mod charged_without_order;
mod counters_that_drift;
mod double_orders;
mod lines_checked_apart;
mod one_cent;
mod over_refunds;
mod overselling;
mod webhook_races;

/// All of them in flight together, each on a task of its own.
async fn at_once(requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
    let sent: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    join_all(sent).await.into_iter().map(Result::unwrap).collect()
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// The one that the order was opened with.
fn payment_of(order: &Answer) -> Uuid {
    order["payments"][0]["id"].as_str().unwrap().parse().unwrap()
}

fn delivery(shop: &Shop, webhook: &Webhook) -> Request {
    let request = shop.anonymous().request(Method::POST, "/v1/webhooks/stripe").text(webhook.body.clone());
    request.header("stripe-signature", &webhook.signature(WEBHOOK_SECRET))
}
