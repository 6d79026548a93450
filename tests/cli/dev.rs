//! `daybook dev`: ready with everything it names, gone with all of it, and the same again after a restart.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::program::{
    Place, Running, ask, bearer, check_gone, daybook, postgres_of, program, psql, run, until, variables,
};

const NAMES: [&str; 12] = [
    "api",
    "docs",
    "admin",
    "postgres",
    "kafka",
    "token-customer",
    "token-staff",
    "token-auditor",
    "token-admin",
    "token-service",
    "curl",
    "kcat",
];

const POLL: Duration = Duration::from_millis(100);

/// An account that is everywhere, and not root.
const NOBODY: u32 = 65_534;

fn first_record(brokers: &str, topic: &str) -> Value {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let mut record = None;
    until("a record comes", || {
        // It also returns for news of the group.
        record =
            consumer.poll(POLL).map(|message| serde_json::from_slice(message.unwrap().payload().unwrap()).unwrap());
        record.is_some()
    });
    record.unwrap()
}

/// The id that the title page gave the book.
fn book_of(dev: &Running) -> String {
    psql(dev.value("postgres"), "SELECT stream_id FROM book.events WHERE position = 0")
}

#[test]
fn everything_it_names_works() {
    let place = Place::new();
    let dev = Running::dev(&place, &[]);
    let names: Vec<_> = dev.lines.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, NAMES);

    let tried = run(Command::new("sh").args(["-c", dev.value("curl")]));
    let product: Value = serde_json::from_str(&tried.stdout).unwrap();
    assert_eq!(product["sku"], "MUG-BLUE", "{}", tried.stdout);
    assert_eq!(ask(dev.value("docs"), &[]).0, 200);
    let (status, metrics) = ask(&format!("{}/metrics", dev.value("admin")), &[]);
    assert!(status == 200 && metrics.contains("daybook_events_appended_total"), "{status} {metrics}");
    assert_eq!(ask(&format!("{}/health/ready", dev.value("admin")), &[]).0, 200);
    assert_eq!(psql(dev.value("postgres"), "SELECT current_user"), "daybook_server");
    assert!(first_record(dev.value("kafka"), "daybook.product")["sku"].is_string());
    let kcat = format!("kcat -b {} -t daybook.order -C -f '%k %h %s\\n'", dev.value("kafka"));
    assert_eq!(dev.value("kcat"), kcat);

    let orders = format!("{}/v1/orders", dev.value("api"));
    for (role, expected) in [("customer", 200), ("staff", 200), ("auditor", 200), ("admin", 200), ("service", 200)] {
        let token = dev.value(&format!("token-{role}"));
        assert_eq!(ask(&orders, &["-H", &bearer(token)]).0, expected, "{role}");
    }
    let products = format!("{}/v1/products/MUG-BLUE/archival", dev.value("api"));
    let archived = |role: &str| ask(&products, &["-X", "POST", "-H", &bearer(dev.value(&format!("token-{role}")))]).0;
    assert_eq!((archived("customer"), archived("staff")), (403, 200));
}

#[test]
fn a_shell_finds_it_through_the_data_folder() {
    let place = Place::new();
    let dev = Running::dev(&place, &["--no-demo", "--topic-prefix", "shop"]);
    let shell = variables(&place.data().join("env"), &["API", "METRICS", "POSTGRES", "KAFKA", "STAFF", "DAYBOOK"]);
    assert_eq!(shell["API"], dev.value("api"));
    assert_eq!(shell["METRICS"], format!("{}/metrics", dev.value("admin")));
    assert_eq!(shell["POSTGRES"], dev.value("postgres"));
    assert_eq!(shell["KAFKA"], dev.value("kafka"));
    assert_eq!(shell["STAFF"], dev.value("token-staff"));
    assert_eq!(Path::new(&shell["DAYBOOK"]).canonicalize().unwrap(), program().canonicalize().unwrap());

    let addresses = fs::read_to_string(place.data().join("addresses")).unwrap();
    assert!(addresses.contains(&format!("kafka: {} (in-process)\n", dev.value("kafka"))), "{addresses}");
    assert!(addresses.ends_with("topic-prefix: shop\n"), "{addresses}");
    for secret in ["env", "addresses", "signing-key.pem", "master.key"] {
        let mode = fs::metadata(place.data().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let (_, products) = ask(&format!("{}/v1/products", dev.value("api")), &[]);
    assert_eq!(serde_json::from_str::<Value>(&products).unwrap()["data"], json!([]), "no demo");
    dev.stop();
    assert!(!place.data().join("env").exists() && !place.data().join("addresses").exists());
}

#[test]
fn what_was_done_is_there_after_a_restart_and_fresh_starts_over() {
    let place = Place::new();
    let first = Running::dev(&place, &[]);
    let customer = bearer(first.value("token-customer"));
    let carts = format!("{}/v1/carts", first.value("api"));
    let json = ["-H", "Content-Type: application/json", "-d", "{}"];
    let (status, cart) = ask(&carts, &[&["-H", &customer], &json[..]].concat());
    assert_eq!(status, 201, "{cart}");
    let cart: Value = serde_json::from_str(&cart).unwrap();
    let book = book_of(&first);
    let events = psql(first.value("postgres"), "SELECT max(position) FROM book.events");
    first.stop();

    let second = Running::dev(&place, &[]);
    assert_eq!(book_of(&second), book);
    assert_eq!(psql(second.value("postgres"), "SELECT max(position) FROM book.events"), events);
    // The key is the same, so the earlier token holds; and the new one speaks for the same customer.
    let cart_url = format!("{}/v1/carts/{}", second.value("api"), cart["id"].as_str().unwrap());
    assert_eq!(ask(&cart_url, &["-H", &customer]).0, 200);
    assert_eq!(ask(&cart_url, &["-H", &bearer(second.value("token-customer"))]).0, 200);
    second.stop();

    let fresh = Running::dev(&place, &["--fresh"]);
    assert_ne!(book_of(&fresh), book);
    let cart_url = format!("{}/v1/carts/{}", fresh.value("api"), cart["id"].as_str().unwrap());
    assert_eq!(ask(&cart_url, &["-H", &customer]).0, 404);
}

#[test]
fn it_leaves_no_server_behind_however_it_ends() {
    let place = Place::new();
    for (signal, code) in [(Signal::INT, Some(0)), (Signal::TERM, Some(0)), (Signal::KILL, None)] {
        let mut dev = Running::dev(&place, &["--no-demo"]);
        let postgres = postgres_of(&place.data());
        dev.signal(signal);
        let (status, stderr) = dev.ended();
        assert_eq!(status.code(), code, "{signal:?}: {stderr}");
        assert!(signal != Signal::KILL || status.signal() == Some(9));
        check_gone(postgres);
        for noise in ["WARN", "ERROR", "panicked", "Connection refused"] {
            assert!(!stderr.contains(noise), "{signal:?}: {stderr}");
        }
        assert!(stderr.lines().count() <= 6, "a calm terminal, not this: {stderr}");
    }
}

#[test]
fn a_signal_while_it_starts_leaves_nothing_running_either() {
    let place = Place::new();
    let mut dev = Running::start(daybook(&["dev", "--listen", "127.0.0.1:0"]).current_dir(place.path()));
    let pid_file = place.data().join("postgres/cluster/postmaster.pid");
    until("its Postgres starts", || fs::read_to_string(&pid_file).is_ok_and(|text| text.contains('\n')));
    let postgres = postgres_of(&place.data());
    dev.signal(Signal::TERM);
    dev.ended();
    check_gone(postgres);
}

#[test]
fn it_ends_with_its_postgres_and_says_so() {
    let place = Place::new();
    let mut dev = Running::dev(&place, &["--no-demo"]);
    kill_process(postgres_of(&place.data()), Signal::KILL).unwrap();
    let (status, stderr) = dev.ended();
    assert_eq!(status.code(), Some(1));
    let log = place.data().canonicalize().unwrap().join("postgres.log");
    let said = format!("daybook: the private Postgres ended by itself; its log is {}\n", log.display());
    assert!(stderr.ends_with(&said), "{stderr}");
    // What it left is taken up again.
    Running::dev(&place, &["--no-demo"]).stop();
}

#[test]
fn nobody_has_to_read_what_it_prints() {
    let place = Place::new();
    let mut dev = Running::start(daybook(&["dev", "--listen", "127.0.0.1:0"]).current_dir(place.path()));
    dev.close_stdout();
    until("it is ready", || place.data().join("env").exists());
    let api = variables(&place.data().join("env"), &["API"]).remove("API").unwrap();
    until("it answers", || ask(&format!("{api}/health/ready"), &[]).0 == 200);
    let stderr = dev.stop();
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn two_run_at_once_on_other_ports_and_folders() {
    let (one, other) = (Place::new(), Place::new());
    let first = Running::dev(&one, &[]);
    let second = Running::dev(&other, &[]);
    assert_ne!(book_of(&first), book_of(&second));
    for dev in [&first, &second] {
        assert_eq!(ask(&format!("{}/health/ready", dev.value("api")), &[]).0, 200);
    }
}

#[test]
fn root_may_keep_its_data_where_no_other_account_can_enter() {
    let place = Place::new();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let dev = Running::dev(&place, &["--no-demo"]);
    let server = fs::metadata(place.data().join("postgres")).unwrap().uid();
    assert_ne!(server, 0, "the server does not run as root");
    dev.stop();
}

#[test]
fn another_account_runs_it_as_well() {
    if !rustix::process::geteuid().is_root() {
        return; // Then every other test shows it.
    }
    let place = Place::for_everybody();
    // The target folder may be closed to that account.
    let copy = place.path().join("daybook");
    fs::copy(program(), &copy).unwrap();
    chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(copy);
    command.args(["dev", "--listen", "127.0.0.1:0"]).current_dir(place.path()).env_clear();
    command.env("PATH", std::env::var("PATH").unwrap()).uid(NOBODY).gid(NOBODY);
    let dev = Running::dev_of(&mut command);
    assert_eq!(fs::metadata(place.data().join("postgres")).unwrap().uid(), NOBODY);
    assert_eq!(psql(dev.value("postgres"), "SELECT current_user"), "daybook_server");
    dev.stop();
}
