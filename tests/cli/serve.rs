//! `daybook serve` as it runs in production: the server's role in the database, keys from files, a role or several.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use api::auth::signing::AUDIENCE;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use support::Database;
use uuid::Uuid;

use super::program::{Place, Running, ask, bearer, daybook, run, until};

const ISSUER: &str = "https://id.example";

/// What an operator lays ready: the public keys of an identity provider, and the master key.
struct Deployment {
    place: Place,
    database: Database,
    key: EncodingKey,
    /// Of the API and of the admin listener.
    ports: [u16; 2],
}

impl Deployment {
    async fn new() -> Self {
        let (place, database) = (Place::new(), Database::empty().await);
        let migrated = run(daybook(&["migrate"]).env("DATABASE_OWNER_URL", database.owner_url()));
        assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let key = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let set =
            json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "one", "alg": "EdDSA", "use": "sig" }] });
        place.write("keys.json", &set.to_string());
        place.write("master.key", &"5a".repeat(32));
        Self { place, database, key, ports: free_ports() }
    }

    /// A node with these roles, and neither a Kafka nor any setting but those that it needs.
    fn node(&self, only: &str) -> Command {
        let mut command = daybook(&["serve", "--only", only]);
        command.current_dir(self.place.path());
        command.env("DATABASE_URL", self.database.app_url());
        command.env("DAYBOOK_LISTEN", self.address(0)).env("DAYBOOK_ADMIN_LISTEN", self.address(1));
        command.env("DAYBOOK_MASTER_KEY", "master.key").env("DAYBOOK_AUTH_KEYS", "keys.json");
        command.env("DAYBOOK_AUTH_ISSUER", ISSUER);
        command
    }

    fn address(&self, which: usize) -> String {
        format!("127.0.0.1:{}", self.ports[which])
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address(0))
    }

    fn healthy(&self, which: usize) -> Option<i32> {
        run(&mut daybook(&["healthcheck", "--listen", &self.address(which)])).code
    }

    fn token(&self, role: &str) -> String {
        let now = chrono::Utc::now().timestamp();
        let lifetime = i64::try_from(Duration::from_secs(60).as_secs()).unwrap();
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::from_u128(1), "iat": now, "exp": now + lifetime, "roles": [role],
        });
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

/// Free a moment ago, and at the same time.
fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[tokio::test]
async fn a_node_serves_with_the_rights_of_the_servers_role_and_stops_in_order() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.healthy(0), Some(1), "nobody is there yet");
    let node = Running::start(&mut deployment.node("api,projector,processes"));
    until("it is ready", || deployment.healthy(0) == Some(0));

    let product =
        json!({ "sku": "MUG", "name": "Mug", "price": { "amount": 1250, "currency": "GBP" }, "publish": true });
    let product = product.to_string();
    let json = ["-H", "Content-Type: application/json", "-d", product.as_str()];
    let create = |role: &str| {
        let token = bearer(&deployment.token(role));
        ask(&deployment.url("/v1/products"), &[&["-H", &token], &json[..]].concat())
    };
    assert_eq!(create("customer").0, 403);
    let (status, body) = create("staff");
    assert_eq!(status, 201, "{body}");
    until("it is shown", || ask(&deployment.url("/v1/products/MUG"), &[]).0 == 200);
    // Without a key to sign with, there are no guests.
    assert_ne!(ask(&deployment.url("/v1/guests"), &["-X", "POST"]).0, 201);

    let processes = run(daybook(&["processes"]).env("DATABASE_URL", deployment.database.app_url()));
    assert!(processes.stdout.contains("expiry") && !processes.stdout.contains("first run"), "{processes:?}");
    let stderr = node.stop();
    assert!(stderr.contains("stopped") && !stderr.contains("ERROR"), "{stderr}");
    assert_eq!(deployment.healthy(0), Some(1));
}

#[tokio::test]
async fn a_node_without_the_api_tells_its_health_on_the_admin_listener() {
    let deployment = Deployment::new().await;
    let node = Running::start(&mut deployment.node("projector"));
    until("it is ready", || deployment.healthy(1) == Some(0));
    assert_eq!(deployment.healthy(0), Some(1), "it has no other listener");
    let (status, report) = ask(&format!("http://{}/health/ready", deployment.address(1)), &[]);
    let report: Value = serde_json::from_str(&report).unwrap();
    let names: Vec<_> = report["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(
        (status, names),
        (200, vec![json!("start"), json!("book"), json!("projections"), json!("conservation")])
    );
    node.stop();
}

#[tokio::test]
async fn guests_are_served_by_a_node_with_a_key_to_sign_with() {
    let deployment = Deployment::new().await;
    let keys = deployment.place.path();
    api::auth::signing::open_or_create_dev_key(keys).unwrap();
    let mut command = deployment.node("api");
    let node = Running::start(command.env("DAYBOOK_SIGNING_KEY", api::auth::signing::DEV_KEY_FILE));
    until("it answers", || deployment.healthy(0) != Some(1) || ask(&deployment.url("/health/live"), &[]).0 == 200);
    let (status, guest) = ask(&deployment.url("/v1/guests"), &["-X", "POST"]);
    assert_eq!(status, 201, "{guest}");
    node.stop();
}

#[tokio::test]
async fn what_a_node_lacks_is_named_in_one_line() {
    let deployment = Deployment::new().await;
    let check = |command: &mut Command, code: i32, line: &str| {
        let done = run(command.env("DAYBOOK_LOG", "warn"));
        assert_eq!((done.code, done.stderr), (Some(code), format!("daybook: {line}\n")));
    };
    let all = "api,projector,processes,publisher";
    check(
        deployment.node("api").env_remove("DATABASE_URL"),
        2,
        "DATABASE_URL is needed: the Postgres that holds the book",
    );
    check(
        deployment.node("api").env_remove("DAYBOOK_MASTER_KEY"),
        2,
        "DAYBOOK_MASTER_KEY is needed: the file with the key that wraps the keys of persons",
    );
    check(
        &mut deployment.node(all),
        2,
        "KAFKA_BROKERS is needed by the publisher; a node without one: --only api,projector,processes",
    );
    let short = deployment.place.write("short.key", "abc");
    check(
        deployment.node("api").env("DAYBOOK_MASTER_KEY", short),
        2,
        "a master key is 64 hexadecimal digits (openssl rand -hex 32)",
    );
    let empty = Database::empty().await;
    let done = run(deployment.node("api").env("DATABASE_URL", empty.app_url()));
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("has `daybook migrate` run?"), "{}", done.stderr);
}
