//! A provider that answers nonsense, HTML, 500, or nothing at all, to each kind of call: the payment is unknown, it is asked
//! about again, nothing is failed and nothing is done twice. And what of that can be seen from outside.

use chrono::TimeDelta;
use commands::{gateway::PaymentGateway as _, gateway::account::ProviderPayment};
use domain::{ids::RefundId, payment::ProviderReference};
use support::{metrics::Counters, stripe::Mishap};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    node::until,
    paid::{OK, shop},
    running::{Premises, Running},
    shop::Sale,
    stripe::refund,
};

/// A call to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Authorize,
    Capture,
    Void,
    Refund,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Authorize, Self::Capture, Self::Void, Self::Refund];

    /// A sale of which this can be asked for.
    async fn ready(self, running: &mut Running) -> Sale {
        match self {
            Self::Authorize => Sale::of("MUG", 1, OK),
            Self::Capture | Self::Void => running.confirmed().await,
            Self::Refund => running.shipped().await,
        }
    }

    /// It is asked for, and nobody has called yet.
    async fn ask(self, running: &mut Running, sale: &Sale) {
        let node = &running.node;
        match self {
            Self::Authorize => sale.open(node).await,
            Self::Capture => _ = node.accept(sale.ship()).await,
            Self::Void => _ = node.accept(sale.cancel()).await,
            Self::Refund => _ = node.accept(refund(sale, RefundId::from_uuid(Uuid::now_v7()), 300)).await,
        }
        running.follow().await;
    }

    /// The payment as long as it is not known what became of the call, and then.
    fn statuses(self) -> (&'static str, &'static str) {
        match self {
            Self::Authorize => ("initiated", "authorized"),
            Self::Capture => ("authorized", "completed"),
            Self::Void => ("authorized", "voided"),
            Self::Refund => ("completed", "partially_refunded"),
        }
    }

    fn result(self) -> &'static str {
        match self {
            Self::Authorize => "payment.authorized",
            Self::Capture => "payment.captured",
            Self::Void => "payment.voided",
            Self::Refund => "payment.refund_succeeded",
        }
    }

    /// What the provider then holds, has taken, and has given back.
    fn figures(self) -> (i64, i64, i64) {
        match self {
            Self::Authorize => (1_000, 0, 0),
            Self::Capture => (0, 1_000, 0),
            Self::Void => (0, 0, 0),
            Self::Refund => (0, 1_000, 300),
        }
    }
}

impl Premises {
    async fn theirs(&self, sale: &Sale) -> ProviderPayment {
        let reference = ProviderReference::new(self.intent(sale)["id"].as_str().unwrap()).unwrap();
        let gateway = self.stripe_gateway(self.stripe(), support::stripe::SECRET_KEY);
        gateway.look_up(&reference).await.unwrap().unwrap()
    }

    async fn check_unknown(&self, kind: Kind, sale: &Sale, mishap: Mishap) {
        let history = self.payment_history(sale.payment_id).await;
        assert_eq!(self.payment(sale.payment_id).await.status(), kind.statuses().0, "{kind:?}, {mishap:?}");
        assert!(!history.iter().any(|event| event == kind.result()), "{kind:?}, {mishap:?}: {history:?}");
        assert!(!history.iter().any(|event| event.ends_with("failed")), "{kind:?}, {mishap:?}: {history:?}");
    }

    async fn check_done_once(&self, kind: Kind, sale: &Sale, mishap: Mishap) {
        assert_eq!(self.payment(sale.payment_id).await.status(), kind.statuses().1, "{kind:?}, {mishap:?}");
        let history = self.payment_history(sale.payment_id).await;
        let results = history.iter().filter(|event| *event == kind.result()).count();
        assert_eq!(results, 1, "{kind:?}, {mishap:?}: {history:?}");
        assert!(!history.iter().any(|event| event.ends_with("failed")), "{kind:?}, {mishap:?}: {history:?}");
        let theirs = self.theirs(sale).await;
        let captured = theirs.captured.map_or(0, |taken| taken.amount.amount());
        let figures = (theirs.held.amount(), captured, theirs.refunded.amount());
        assert_eq!(figures, kind.figures(), "{kind:?}, {mishap:?}: at the provider");
        let refunds = usize::from(kind == Kind::Refund);
        assert_eq!(theirs.refunds.len(), refunds, "{kind:?}, {mishap:?}: at the provider");
    }
}

#[tokio::test]
async fn p3_each_call_whose_answer_is_lost_or_nonsense_is_unknown_then_asked_about_and_done_once() {
    let (premises, mut running) = shop().await;
    for kind in Kind::ALL {
        for mishap in Mishap::QUICK {
            let sale = kind.ready(&mut running).await;
            kind.ask(&mut running, &sale).await;
            premises.stripe().plan(mishap);
            assert_eq!(running.make_calls().await, 1, "{kind:?}, {mishap:?}");
            premises.check_unknown(kind, &sale, mishap).await;
            if mishap == Mishap::InternalErrorBefore {
                // Stripe stands by its answer to a key as long as it knows it.
                for _ in 0..3 {
                    assert_eq!(running.make_calls().await, 1, "{kind:?}");
                }
                premises.check_unknown(kind, &sale, mishap).await;
                premises.stripe().forget_keys();
            }
            running.settle().await;
            premises.check_done_once(kind, &sale, mishap).await;
        }
    }
}

#[tokio::test]
async fn p3_each_call_that_is_never_answered_is_given_up_in_time_asked_about_and_done_once() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let mut sales = Vec::new();
    for kind in Kind::ALL {
        sales.push((kind, kind.ready(&mut running).await));
    }
    for (kind, sale) in &sales {
        kind.ask(&mut running, sale).await;
        premises.stripe().plan(Mishap::Silence);
    }
    let unanswered = r#"daybook_provider_exchange_seconds_count{provider="stripe",answer="none"}"#;
    assert_eq!(counting.of(unanswered), None);
    // All at once, so that they are given up at once.
    let stop = CancellationToken::new();
    let workers = tokio::spawn(running.workers.clone().run(stop.clone()));
    let given_up = async || -> bool {
        let read = "SELECT count(*) FROM process.calls WHERE last_error = 'no answer in time'";
        let count: i64 = sqlx::query_scalar(read).fetch_one(&premises.database.owner).await.unwrap();
        if count == 4 {
            stop.cancel();
        }
        count == 4
    };
    until("all of them are given up", given_up).await;
    workers.await.unwrap();
    assert_eq!(counting.of(unanswered), Some(4.0));
    for (kind, sale) in &sales {
        let unknown =
            format!(r#"daybook_calls_total{{kind="{}",result="unknown"}}"#, format!("{kind:?}").to_lowercase());
        assert_eq!(counting.of(&unknown), Some(1.0));
        premises.check_unknown(*kind, sale, Mishap::Silence).await;
    }
    running.settle().await;
    for (kind, sale) in &sales {
        premises.check_done_once(*kind, sale, Mishap::Silence).await;
    }
}

/// P3: by then the provider has forgotten every key, and what it is asked by is our id in its metadata, or its own of the payment.
#[tokio::test]
async fn p3_a_day_later_each_call_is_asked_about_without_its_key_and_sent_only_where_it_never_arrived() {
    let (premises, mut running) = shop().await;
    for kind in Kind::ALL {
        for mishap in [Mishap::LostAfter, Mishap::LostBefore] {
            let sale = kind.ready(&mut running).await;
            kind.ask(&mut running, &sale).await;
            premises.stripe().plan(mishap);
            assert_eq!(running.make_calls().await, 1, "{kind:?}, {mishap:?}");
            premises.check_unknown(kind, &sale, mishap).await;
            premises.stripe().forget_keys();
            premises.clock.pass(TimeDelta::hours(24));
            premises.stripe().take_heard();
            assert_eq!(running.make_calls().await, 1, "{kind:?}, {mishap:?}");
            let heard = premises.stripe().take_heard();
            let sent = heard.iter().filter(|what| what.starts_with("POST")).count();
            assert_eq!(sent, usize::from(mishap == Mishap::LostBefore), "{kind:?}, {mishap:?}: {heard:?}");
            assert!(heard[0].starts_with("GET"), "{kind:?}, {mishap:?}: it is asked about first, {heard:?}");
            running.settle().await;
            premises.check_done_once(kind, &sale, mishap).await;
        }
    }
}

#[tokio::test]
async fn only_what_changes_nothing_is_tried_again_at_once_and_that_is_counted() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let retries = r#"daybook_provider_retries_total{provider="stripe"}"#;
    let sale = running.requested(OK).await;
    premises.stripe().plan(Mishap::Html);
    running.make_calls().await;
    assert_eq!(premises.stripe().take_heard(), ["POST /v1/payment_intents"]);
    assert_eq!(counting.of(retries), None, "a change is never sent again at once");
    for _ in 0..2 {
        premises.stripe().plan(Mishap::Html);
    }
    running.make_calls().await;
    let list = "GET /v1/payment_intents";
    assert_eq!(premises.stripe().take_heard(), [list, list, list, "POST /v1/payment_intents"]);
    assert_eq!(counting.of(retries), Some(2.0));
    assert_eq!(premises.payment(sale.payment_id).await.status(), "authorized");
}

#[tokio::test]
async fn the_circuit_of_a_provider_that_does_not_answer_is_seen_to_open_and_to_close() {
    let (premises, mut running) = shop().await;
    let mut counters = Counters::default();
    let counting = counters.watch();
    let (open, opened) = (
        r#"daybook_provider_circuit_open{provider="stripe"}"#,
        r#"daybook_provider_circuit_opened_total{provider="stripe"}"#,
    );
    let waiting = r#"daybook_calls_open{provider="stripe"}"#;
    for silences in 1..=5 {
        Sale::check_out(&running.node, "MUG", 1, OK).await;
        running.follow().await;
        premises.stripe().plan(Mishap::LostBefore);
        running.workers.run_once().await.unwrap();
        running.workers.count_once().await.unwrap();
        let is_open = silences == 5;
        assert_eq!(counting.of(open), Some(f64::from(u8::from(is_open))), "after {silences} silences");
        assert_eq!(counting.of(opened), is_open.then_some(1.0), "after {silences} silences");
    }
    assert_eq!(counting.of(waiting), Some(5.0));
    assert!(counting.of(r#"daybook_calls_oldest_seconds{provider="stripe"}"#).is_some());
    running.settle().await;
    running.workers.count_once().await.unwrap();
    assert_eq!((counting.of(open), counting.of(opened), counting.of(waiting)), (Some(0.0), Some(1.0), Some(0.0)));
}
