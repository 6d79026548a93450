//! A payment provider behind the real program: from its settings to the reconciliation of its books.

use commands::clock::Clock;
use serde_json::{Value, json};
use support::stripe::{Authority, Mishap, SECRET_KEY, Stripe, Validity, WEBHOOK_SECRET};

use super::program::{Place, Running, ask, bearer, daybook, run, until};

fn with_stripe(command: &mut std::process::Command, stripe: &Stripe) {
    command.env("DAYBOOK_STRIPE_URL", stripe.url()).env("DAYBOOK_STRIPE_SECRET_KEY", SECRET_KEY);
    command.env("DAYBOOK_STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET);
}

/// As JSON, with this token.
fn posted(api: &str, path: &str, token: &str, body: &Value, number: u32) -> Value {
    let (body, key) = (body.to_string(), format!("Idempotency-Key: {path}/{number}"));
    let arguments = ["-H", &bearer(token), "-H", "Content-Type: application/json", "-H", &key, "-d", &body];
    let (status, answer) = ask(&format!("{api}{path}"), &arguments);
    assert!((200..300).contains(&status), "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

fn order_status(api: &str, token: &str, order: &str) -> Value {
    let (_, answer) = ask(&format!("{api}/v1/orders/{order}"), &["-H", &bearer(token)]);
    serde_json::from_str::<Value>(&answer).unwrap()["status"].clone()
}

/// An order and its payment. The same number is the same order.
fn ordered(api: &str, customer: &str, number: u32) -> (String, String) {
    let cart = posted(api, "/v1/carts", customer, &json!({}), number);
    let cart = cart["id"].as_str().unwrap();
    let item = json!({ "sku": "MUG-BLUE", "quantity": 1 });
    posted(api, &format!("/v1/carts/{cart}/items"), customer, &item, number);
    let address =
        json!({ "name": "Ada", "line1": "1 Street", "city": "London", "postal_code": "SW1", "country": "GB" });
    let checkout = json!({ "payment": { "method": "card", "token": "pm_card_visa" }, "shipping_address": address });
    let order = posted(api, &format!("/v1/carts/{cart}/checkout"), customer, &checkout, number);
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    (id(&order), id(&order["payments"][0]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_through_a_second_provider_and_its_books_are_reconciled_from_the_command_line() {
    let (place, authority) = (Place::new(), Authority::default());
    let certificate = authority.certify("127.0.0.1", Validity::Now);
    let stripe = Stripe::open_over_tls(Clock::default(), certificate).await;
    let authorities = place.write("authorities.pem", authority.pem());
    let daybook = |arguments: &[&str]| {
        let mut command = daybook(arguments);
        with_stripe(&mut command, &stripe);
        command.env("DAYBOOK_STRIPE_CA_FILE", &authorities).current_dir(place.path());
        command
    };
    let dev = Running::dev_of(&mut daybook(&["dev", "--listen", "127.0.0.1:0"]));
    let (api, customer) = (dev.value("api").to_owned(), dev.value("token-customer").to_owned());
    let (id, payment) = ordered(&api, &customer, 1);
    until("the order is confirmed", || order_status(&api, &customer, &id) == "confirmed");
    let intent = stripe.intents_of(&payment).remove(0);
    assert_eq!(intent["status"], "requires_capture");

    let reconcile = || run(&mut daybook(&["reconcile", "payments"]));
    let done = reconcile();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("1 compared: 1 agree, 0 differ, 0 are open"), "{}", done.stdout);
    stripe.by_hand("capture", intent["id"].as_str().unwrap(), None);
    let done = reconcile();
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.contains(&format!("differs: payment {payment}: held ")), "{}", done.stdout);

    let metrics = format!("{}/metrics", dev.value("admin"));
    let (_, text) = ask(&metrics, &[]);
    for metric in ["daybook_provider_exchange_seconds", "daybook_provider_circuit_open{provider=\"stripe\"} 0"] {
        assert!(text.contains(metric), "{metric} is missing");
    }
    let log = dev.stop();
    assert!(!log.contains(SECRET_KEY) && !log.contains(WEBHOOK_SECRET), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_sees_a_provider_go_away_and_come_back() {
    let (place, stripe) = (Place::new(), Stripe::open(Clock::default()).await);
    let mut command = daybook(&["dev", "--listen", "127.0.0.1:0"]);
    with_stripe(&mut command, &stripe);
    let dev = Running::dev_of(command.current_dir(place.path()));
    let (api, customer) = (dev.value("api").to_owned(), dev.value("token-customer").to_owned());
    let metrics = format!("{}/metrics", dev.value("admin"));
    let shows = |line: &str| ask(&metrics, &[]).1.lines().any(|shown| shown.starts_with(line));
    for _ in 0..200 {
        stripe.plan(Mishap::Html);
    }
    let orders: Vec<_> = (0..6).map(|number| ordered(&api, &customer, number)).collect();
    until("its circuit is open", || shows("daybook_provider_circuit_open{provider=\"stripe\"} 1"));
    for line in [
        "daybook_provider_circuit_opened_total{provider=\"stripe\"}",
        "daybook_calls_open{provider=\"stripe\"} 6",
        "daybook_calls_oldest_seconds{provider=\"stripe\"}",
        "daybook_calls_in_flight{provider=\"stripe\"}",
        "daybook_calls_total{kind=\"authorize\",result=\"unknown\"}",
        "daybook_provider_exchange_seconds_count{provider=\"stripe\",answer=\"none\"}",
        "daybook_webhooks_open{provider=\"stripe\",state=\"parked\"} 0",
        "daybook_webhooks_set_aside{provider=\"stripe\"} 0",
    ] {
        assert!(shows(line), "{line} is missing:\n{}", ask(&metrics, &[]).1);
    }
    until("a reading is tried again", || shows("daybook_provider_retries_total{provider=\"stripe\"}"));
    stripe.plan_nothing();
    until("its circuit is closed", || shows("daybook_provider_circuit_open{provider=\"stripe\"} 0"));
    for (order, payment) in &orders {
        until("the order is confirmed", || order_status(&api, &customer, order) == "confirmed");
        assert_eq!(stripe.intents_of(payment).len(), 1, "it is held once");
    }
    dev.stop();
}

#[test]
fn settings_of_providers_that_cannot_work_are_one_line_and_exit_code_2() {
    for (arguments, line) in [
        (
            &["dev", "--provider", "stripe"][..],
            "there is no provider \"stripe\" here; there are simulated and, with DAYBOOK_STRIPE_SECRET_KEY, stripe",
        ),
        (
            &["reconcile", "payments", "--stripe-secret-key", "sk", "--stripe-url", "ftp://x"],
            "Stripe cannot be used: Stripe's base URL is http:// or https:// with a host, and no query",
        ),
        (
            &["reconcile", "payments", "--stripe-webhook-secret", "whsec"],
            "secrets of Stripe's webhooks are of no use without DAYBOOK_STRIPE_SECRET_KEY: what they tell of is asked for",
        ),
        (
            &["reconcile", "payments", "--stripe-secret-key", "sk", "--stripe-ca-file", "nowhere.pem"],
            "the certificates in nowhere.pem cannot be read: No such file or directory (os error 2)",
        ),
        (
            &["reconcile", "payments", "--stripe-secret-key", "sk", "--stripe-ca-file", "/dev/null"],
            "Stripe cannot be used: the file of certificates to trust holds none, or one that cannot be read",
        ),
    ] {
        let place = Place::new();
        let done = run(daybook(arguments).current_dir(place.path()));
        assert_eq!((done.code, done.stderr), (Some(2), format!("daybook: {line}\n")), "{arguments:?}");
    }
}
