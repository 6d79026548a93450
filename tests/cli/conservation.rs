//! What breaks conservation is seen by whoever operates Daybook: in readiness, in the metrics, in the log, and with `daybook
//! conservation`.

use std::str::FromStr as _;

use chrono::Utc;
use eventstore::{NewEvent, StreamId, Writer};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use support::append::AppendAfter as _;
use uuid::Uuid;

use super::program::{Done, Place, Running, ask, daybook, run, until};

const ORDER: Uuid = Uuid::from_u128(0x0190_b6a8_7c3e_7d21_9f0a_3b1c_5d7e_9f01);

fn metrics(dev: &Running) -> String {
    ask(&format!("{}/metrics", dev.value("admin")), &[]).1
}

/// The check of the watch: whether it is ready, and its detail.
fn readiness(dev: &Running) -> (bool, String) {
    let (_, body) = ask(&format!("{}/health/ready", dev.value("api")), &[]);
    let body: Value = serde_json::from_str(&body).unwrap();
    let check = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == "conservation").unwrap();
    (check["ready"] == true, check["detail"].as_str().unwrap().to_owned())
}

/// Straight into the book, past every rule: a unit is promised that nobody has.
async fn plant(dev: &Running) -> i64 {
    let mut writer = Writer::connect(PgConnectOptions::from_str(dev.value("postgres")).unwrap()).await.unwrap();
    let seen = writer.head().await.unwrap();
    let payload = format!(r#"{{"sku":"GHOST","location":"main","order_id":"{ORDER}","quantity":1}}"#);
    let event = NewEvent {
        stream: StreamId::new("inventory", Uuid::from_u128(1)),
        stream_version: 1,
        event_type: "inventory.allocated".into(),
        schema_version: 1,
        payload,
        metadata: "{}".to_owned(),
    };
    writer.append_after(&seen, Utc::now(), &[event], &[]).await.unwrap();
    seen.point.position.0 + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_sold_and_not_there_fails_readiness_is_counted_logged_and_seen_to() {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    until("the watch is ready", || readiness(&dev) == (true, "money and stock add up".to_owned()));
    let conservation =
        |flags: &[&str]| -> Done { run(daybook(&["conservation"]).args(flags).current_dir(place.path())) };
    let before = conservation(&[]);
    assert_eq!((before.code, before.stdout.as_str()), (Some(0), "money and stock add up\n"), "{}", before.stderr);

    let position = plant(&dev).await;
    let broken = format!(
        "oversold at position {position}, inventory-{}: 0 reserved and 1 allocated of 0 on hand, 0 unavailable, 0 on backorder",
        Uuid::from_u128(1)
    );
    until("readiness names it", || readiness(&dev) == (false, broken.clone()));
    assert_eq!(ask(&format!("{}/health/ready", dev.value("api")), &[]).0, 503);
    let counted = metrics(&dev);
    assert!(counted.contains("daybook_conservation_violations_total{rule=\"oversold\"} 1"), "{counted}");
    assert!(counted.contains("daybook_conservation_open 1"), "{counted}");

    let open = conservation(&[]);
    assert_eq!(open.code, Some(1), "{}", open.stderr);
    assert!(open.stdout.ends_with(&format!("  {broken}\n")), "{}", open.stdout);
    let seen_to = conservation(&["--acknowledge", &position.to_string()]);
    assert_eq!((seen_to.code, seen_to.stdout.as_str()), (Some(0), "money and stock add up\n"), "{}", seen_to.stderr);
    until("it is ready again", || readiness(&dev).0);
    let again = conservation(&["--acknowledge", &position.to_string()]);
    assert_eq!(again.code, Some(2));
    assert_eq!(again.stderr, format!("daybook: nothing is open at position {position}\n"));

    let log = dev.stop();
    let line = log.lines().find(|line| line.contains("something is not conserved")).unwrap_or_else(|| panic!("{log}"));
    for field in ["ERROR", "rule=\"oversold\"", &format!("position={position}"), "subject=", "detail="] {
        assert!(line.contains(field), "{field}: {line}");
    }
}
