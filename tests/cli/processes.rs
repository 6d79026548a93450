//! A process that is stuck is seen by whoever operates Daybook: in the metrics, in readiness and with `daybook processes`, which
//! also says what an order waits for.

use std::str::FromStr as _;

use chrono::Utc;
use eventstore::{NewEvent, StreamId, Writer};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use support::append::AppendAfter as _;
use uuid::Uuid;

use super::program::{Done, Place, Running, ask, bearer, daybook, psql, run, until};

fn metrics(dev: &Running) -> String {
    ask(&format!("{}/metrics", dev.value("admin")), &[]).1
}

fn is_shown(dev: &Running, line: &str) -> bool {
    metrics(dev).lines().any(|shown| shown == line)
}

fn processes(place: &Place, flags: &[&str]) -> Done {
    run(daybook(&["processes"]).args(flags).current_dir(place.path()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_process_raises_an_alarm_that_falls_when_it_is_resumed_by_hand() {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    let (stuck, at_rest) =
        (r#"daybook_process_stuck{process="payment"} 1"#, r#"daybook_process_stuck{process="payment"} 0"#);
    until("the process is at rest", || is_shown(&dev, at_rest));

    let statement = "INSERT INTO process.parked (process, category, stream_id, position, reason)
                     SELECT 'payment', category, stream_id, position, 'the decision panicked'
                     FROM book.events WHERE position = 1 RETURNING category || '-' || stream_id";
    let stream = psql(dev.value("postgres"), statement);
    let stream = stream.lines().next().unwrap().to_owned();
    until("the alarm rises", || is_shown(&dev, stuck));
    assert!(is_shown(&dev, r#"daybook_process_parked_streams{process="payment"} 1"#), "{}", metrics(&dev));
    let table = processes(&place, &[]);
    let told = format!("payment has set {stream} aside at 1");
    assert!(table.stdout.contains(&told) && table.stdout.contains("the decision panicked"), "{}", table.stdout);

    let resumed = processes(&place, &["--resume", &format!("payment/{stream}")]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.stderr);
    until("the alarm falls", || is_shown(&dev, at_rest));
    assert!(is_shown(&dev, r#"daybook_process_parked_streams{process="payment"} 0"#), "{}", metrics(&dev));
    assert!(!processes(&place, &[]).stdout.contains("aside"));

    // One that cannot read the book goes no further, and says where.
    let position = plant_unreadable(&dev).await;
    until("the alarm rises", || is_shown(&dev, stuck));
    until("readiness names it", || {
        let (status, body) = ask(&format!("{}/health/ready", dev.value("api")), &[]);
        let body: Value = serde_json::from_str(&body).unwrap();
        let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "processes").cloned();
        status == 503 && check.is_some_and(|check| check["detail"].as_str().unwrap().contains(&position.to_string()))
    });
    until("it is noted", || {
        processes(&place, &[])
            .stdout
            .contains(&format!("payment does not go on: the event at {position} cannot be read"))
    });
    dev.stop();
}

/// Straight into the book, past every rule.
async fn plant_unreadable(dev: &Running) -> i64 {
    let mut writer = Writer::connect(PgConnectOptions::from_str(dev.value("postgres")).unwrap()).await.unwrap();
    let seen = writer.head().await.unwrap();
    let event = NewEvent {
        stream: StreamId::new("payment", Uuid::from_u128(1)),
        stream_version: 1,
        event_type: "payment.initiated".into(),
        schema_version: 1,
        payload: "{}".to_owned(),
        metadata: "{}".to_owned(),
    };
    writer.append_after(&seen, Utc::now(), &[event], &[]).await.unwrap();
    seen.point.position.0 + 1
}

/// An order of the demo shop, paid for with this token.
fn check_out(dev: &Running, token: &str) -> String {
    let bearer = bearer(dev.value("token-customer"));
    let post = |path: &str, body: Value| -> Value {
        let body = body.to_string();
        let key = format!("Idempotency-Key: {}", Uuid::now_v7());
        let headers = ["-H", &bearer, "-H", "Content-Type: application/json", "-H", &key, "-d", &body];
        let (status, answer) = ask(&format!("{}{path}", dev.value("api")), &headers);
        assert!((200..300).contains(&status), "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let cart = post("/v1/carts", json!({}));
    let cart = cart["id"].as_str().unwrap();
    post(&format!("/v1/carts/{cart}/items"), json!({ "sku": "MUG-BLUE", "quantity": 1 }));
    let address =
        json!({ "name": "Ada", "line1": "1 Mill Lane", "city": "Leeds", "postal_code": "LS1 1AA", "country": "GB" });
    let body = json!({ "payment": { "method": "card", "token": token }, "shipping_address": address });
    post(&format!("/v1/carts/{cart}/checkout"), body)["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_order_waits_for_is_told() {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    for (token, waits_for) in [
        ("tok_requires_action", "  its buyer, who is to confirm payment "),
        ("tok_declined", "  its buyer, who is to try another payment\n"),
        ("tok_timeout", "  simulated to authorize payment "),
    ] {
        let order = check_out(&dev, token);
        until(token, || processes(&place, &["--order", &order]).stdout.contains(waits_for));
        let told = processes(&place, &["--order", &order]).stdout;
        assert!(told.starts_with(&format!("order {order} is pending, and waits for\n")), "{told}");
        for deadline in ["when expiry acts (reservations)", "when expiry acts (pending_order)"] {
            assert!(told.contains(deadline), "{told}");
        }
    }
    let order = check_out(&dev, "tok_ok");
    until("it is confirmed", || processes(&place, &["--order", &order]).stdout.contains("is confirmed"));
    let told = processes(&place, &["--order", &order]).stdout;
    assert!(told.contains("when payment acts (authorization_lapse)") && !told.contains("buyer"), "{told}");
    let unknown = processes(&place, &["--order", &Uuid::from_u128(1).to_string()]);
    assert_eq!(unknown.code, Some(2));
    assert_eq!(unknown.stderr, format!("daybook: there is no order {}\n", Uuid::from_u128(1)));
    dev.stop();
}
