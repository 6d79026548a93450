//! Attacks on tokens: S01 to S05 of RELIABILITY. Every forged token is refused with 401, and none is answered otherwise.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, Folder, realm};
use crate::app::App;
use crate::auth::Role;
use crate::auth::keys::{KeyError, KeyRing};
use crate::auth::signing::{SigningKeyError, open_dev_key, open_or_create_dev_key};
use crate::auth::token::{Authenticator, TokenError, seconds_now};
use crate::health::Health;
use crate::problems::Code;

/// Keys of an identity provider: one of each kind, and the ring that knows their public halves.
struct Provider {
    rsa: EncodingKey,
    rsa_public_der: Vec<u8>,
    rsa_public_pem: String,
    ec: EncodingKey,
    ec_point: Vec<u8>,
    /// An RSA key that nobody was told of.
    stranger: EncodingKey,
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa_key(pair: &RsaKeyPair) -> EncodingKey {
    let der = pair.as_der().expect("the pair is whole");
    EncodingKey::from_rsa_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).expect("just written")
}

fn provider() -> &'static Provider {
    static PROVIDER: OnceLock<Provider> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("randomness");
        let stranger = RsaKeyPair::generate(KeySize::Rsa2048).expect("randomness");
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("randomness");
        Provider {
            rsa_public_der: rsa.public_key().as_ref().to_vec(),
            rsa_public_pem: pem("RSA PUBLIC KEY", rsa.public_key().as_ref()),
            rsa: rsa_key(&rsa),
            ec_point: ec.public_key().as_ref().to_vec(),
            ec: EncodingKey::from_ec_der(ec.to_pkcs8v1().expect("the pair is whole").as_ref()),
            stranger: rsa_key(&stranger),
        }
    })
}

fn jwk_set() -> Value {
    let (x, y) = provider().ec_point[1..].split_at(32);
    json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "alg": "ES256",
          "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) },
        { "kty": "RSA", "use": "enc", "kid": "for-encryption", "n": "AQAB", "e": "AQAB" },
    ] })
}

/// A folder as an operator would fill it: `rsa.pem` and a JWK set.
fn ring() -> KeyRing {
    let folder = Folder::new();
    folder.write("rsa.pem", &provider().rsa_public_pem);
    folder.write("provider.jwks", &jwk_set().to_string());
    folder.write("notes.txt", "not a key");
    KeyRing::load(&folder.0, &realm()).expect("good keys")
}

fn authenticator() -> Authenticator {
    Authenticator::new(ring(), None)
}

fn claims() -> Value {
    let now = seconds_now();
    json!({
        "iss": "https://id.example", "aud": "daybook", "sub": Uuid::now_v7(), "iat": now, "exp": now + 600,
        "roles": ["staff", "a role of next year"],
    })
}

fn encoded(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

/// A token with this very header and these very claims, signed properly.
fn sign_text(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).expect("the key fits the algorithm");
    format!("{message}.{signature}")
}

fn sign(header: &Value, claims: &Value) -> String {
    sign_text(&header.to_string(), &claims.to_string(), &provider().rsa, Algorithm::RS256)
}

fn rs256() -> Value {
    json!({ "alg": "RS256", "kid": "rsa" })
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut object = base.clone();
    object[name] = value;
    object
}

fn without(base: &Value, name: &str) -> Value {
    let mut object = base.clone();
    object.as_object_mut().expect("an object").remove(name);
    object
}

#[track_caller]
fn refused(token: &str) {
    assert_eq!(authenticator().verify(token), Err(TokenError::Invalid), "{token}");
}

#[test]
fn a_good_token_of_each_algorithm_is_accepted() {
    let auth = authenticator();
    let principal = auth.verify(&sign(&rs256(), &claims())).expect("RS256");
    assert!(principal.roles.contains(Role::Staff) && principal.roles.iter().count() == 1 && !principal.guest);
    let header = json!({ "alg": "ES256", "kid": "ec", "typ": "at+JWT" }).to_string();
    auth.verify(&sign_text(&header, &claims().to_string(), &provider().ec, Algorithm::ES256)).expect("ES256");
    let several = with(&claims(), "aud", json!(["elsewhere", "daybook"]));
    auth.verify(&sign(&rs256(), &several)).expect("one of several audiences");
}

#[test]
fn s01_a_token_without_a_signature_is_refused() {
    let claims = claims().to_string();
    for alg in ["none", "None", "NONE", "nOnE", "", "null", "HS256 "] {
        let header = json!({ "alg": alg, "kid": "rsa" }).to_string();
        for signature in ["", "AA", "e30"] {
            refused(&format!("{}.{}.{signature}", encoded(&header), encoded(&claims)));
        }
        refused(&format!("{}.{}", encoded(&header), encoded(&claims)));
    }
    let good = sign(&rs256(), &self::claims());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    refused(message);
    refused(&format!("{message}."));
    refused(&format!("{message}.{}", &signature[..signature.len() - 4]));
    refused(&format!("{message}.{signature}."));
    refused(&format!(".{good}"));
    refused(&format!("{message}.{}", "A".repeat(signature.len())));
    for nonsense in ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "\u{1F600}"] {
        refused(nonsense);
    }
}

#[test]
fn s02_a_public_key_does_not_serve_as_a_secret() {
    let provider = provider();
    let jwk = jwk_set()["keys"][0].to_string();
    let secrets: [&[u8]; 5] = [
        provider.rsa_public_pem.as_bytes(),
        provider.rsa_public_pem.trim_end().as_bytes(),
        &provider.rsa_public_der,
        &provider.ec_point,
        jwk.as_bytes(),
    ];
    for secret in secrets {
        for (algorithm, name) in [(Algorithm::HS256, "HS256"), (Algorithm::HS384, "HS384"), (Algorithm::HS512, "HS512")]
        {
            for kid in ["rsa", "ec"] {
                let header = json!({ "alg": name, "kid": kid }).to_string();
                refused(&sign_text(&header, &claims().to_string(), &EncodingKey::from_secret(secret), algorithm));
            }
        }
    }
}

#[test]
fn s02_the_algorithm_is_the_keys_and_not_the_headers() {
    let claims = claims().to_string();
    for (alg, kid) in [("ES256", "rsa"), ("RS256", "ec"), ("PS256", "rsa"), ("RS512", "rsa"), ("EdDSA", "rsa")] {
        let header = json!({ "alg": alg, "kid": kid }).to_string();
        refused(&sign_text(&header, &claims, &provider().rsa, Algorithm::RS256));
        refused(&sign_text(&header, &claims, &provider().ec, Algorithm::ES256));
    }
    for (algorithm, name) in [(Algorithm::RS384, "RS384"), (Algorithm::RS512, "RS512"), (Algorithm::PS256, "PS256")] {
        let header = json!({ "alg": name, "kid": "rsa" }).to_string();
        refused(&sign_text(&header, &claims, &provider().rsa, algorithm));
    }
}

#[test]
fn s03_a_key_is_found_by_its_configured_id_and_nowhere_else() {
    for kid in ["unknown", "", "../../etc/passwd", "rsa.pem", "RSA", "rsa' OR 1=1 --", "rsa\u{0}", "for-encryption"] {
        refused(&sign(&with(&rs256(), "kid", json!(kid)), &claims()));
    }
    refused(&sign(&with(&rs256(), "kid", json!("k".repeat(1_000_000))), &claims()));
    refused(&sign(&with(&rs256(), "kid", json!(1)), &claims()));
    // Two keys are configured, so a token must say which.
    refused(&sign(&without(&rs256(), "kid"), &claims()));
}

#[test]
fn s03_keys_and_addresses_inside_a_token_are_not_looked_at() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.set_nonblocking(true).expect("a socket");
    let url = format!("http://{}/keys", listener.local_addr().expect("bound"));
    let own = json!({ "kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB" });
    for (name, value) in [("jku", json!(url)), ("x5u", json!(url)), ("jwk", own), ("x5c", json!(["AQAB"]))] {
        for kid in ["rsa", "mine"] {
            let header = json!({ "alg": "RS256", "kid": kid, name: value }).to_string();
            refused(&sign_text(&header, &claims().to_string(), &provider().stranger, Algorithm::RS256));
        }
    }
    assert!(listener.accept().is_err(), "somebody fetched a key");
}

#[test]
fn s03_a_critical_extension_that_is_not_understood_refuses_the_token() {
    for crit in [json!(["exp"]), json!(["b64"]), json!([]), json!("b64"), json!(["x"])] {
        refused(&sign(&with(&rs256(), "crit", crit), &claims()));
    }
}

#[test]
fn s04_times_are_whole_seconds_within_their_bounds() {
    let now = seconds_now();
    let expired = sign(&rs256(), &with(&claims(), "exp", json!(now - 31)));
    assert_eq!(authenticator().verify(&expired), Err(TokenError::Expired));
    authenticator().verify(&sign(&rs256(), &with(&claims(), "exp", json!(now - 25)))).expect("within the leeway");
    for (name, value) in [
        ("nbf", json!(now + 40)),
        ("iat", json!(now + 40)),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!(now as f64 + 600.5)),
        ("exp", json!(-1)),
        ("exp", json!(1_u64 << 63)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(null)),
        ("exp", json!([now + 600])),
        ("nbf", json!("0")),
        ("nbf", json!(0.5)),
        ("nbf", json!(-1)),
        ("nbf", json!(1_u64 << 63)),
        ("iat", json!("now")),
        ("iat", json!(null)),
    ] {
        refused(&sign(&rs256(), &with(&claims(), name, value)));
    }
}

#[test]
fn s04_every_claim_is_required_once() {
    for name in ["exp", "iat", "iss", "aud", "sub"] {
        refused(&sign(&rs256(), &without(&claims(), name)));
        let text = claims().to_string();
        let twice = format!("{},\"{name}\":{}}}", &text[..text.len() - 1], claims()[name]);
        refused(&sign_text(&rs256().to_string(), &twice, &provider().rsa, Algorithm::RS256));
    }
    let twice = format!("{},\"roles\":[\"admin\"]}}", claims().to_string().trim_end_matches('}'));
    refused(&sign_text(&rs256().to_string(), &twice, &provider().rsa, Algorithm::RS256));
    let two_algorithms = r#"{"alg":"RS256","alg":"none","kid":"rsa"}"#;
    refused(&sign_text(two_algorithms, &claims().to_string(), &provider().rsa, Algorithm::RS256));
    let two_kids = r#"{"alg":"RS256","kid":"x","kid":"rsa"}"#;
    refused(&sign_text(two_kids, &claims().to_string(), &provider().rsa, Algorithm::RS256));
}

#[test]
fn s05_a_token_for_somebody_else_or_something_else_is_refused() {
    for (name, value) in [
        ("aud", json!("elsewhere")),
        ("aud", json!([])),
        ("aud", json!("Daybook")),
        ("aud", json!(null)),
        ("iss", json!("https://id.example/")),
        ("iss", json!("https://evil.example")),
        ("iss", json!("daybook-dev")),
        ("sub", json!("not a uuid")),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("roles", json!("admin")),
        ("roles", json!({ "admin": true })),
        ("guest", json!("yes")),
    ] {
        refused(&sign(&rs256(), &with(&claims(), name, value)));
    }
    for typ in ["refresh+jwt", "rt+jwt", "id+jwt", "logout+jwt", "dpop+jwt", "JWE", ""] {
        refused(&sign(&with(&rs256(), "typ", json!(typ)), &claims()));
    }
    // A key that was taken out of the configuration.
    refused(&sign_text(&rs256().to_string(), &claims().to_string(), &provider().stranger, Algorithm::RS256));
}

#[test]
fn the_issuer_belongs_to_the_key() {
    // Who holds the key for guests' tokens cannot speak in the name of the identity provider, nor the other way round.
    let folder = Folder::new();
    let signer = open_or_create_dev_key(&folder.0).expect("a new key");
    let mut keys = ring();
    keys.add(signer.verifying_key()).expect("another id");
    let auth = Authenticator::new(keys, None);
    auth.verify(&sign(&rs256(), &claims())).expect("its own issuer");
    let forged = sign(&rs256(), &with(&claims(), "iss", json!("daybook-dev")));
    assert_eq!(auth.verify(&forged), Err(TokenError::Invalid));
}

#[test]
fn a_remembered_token_still_expires() {
    let auth = authenticator();
    let expiring = sign(&rs256(), &with(&claims(), "exp", json!(seconds_now() - 29)));
    let first = auth.verify(&expiring).expect("within the leeway");
    assert!(Arc::ptr_eq(&first, &auth.verify(&expiring).expect("remembered")));
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(auth.verify(&expiring), Err(TokenError::Expired));
    assert_eq!(auth.verify(&expiring), Err(TokenError::Expired));
}

#[test]
fn a_token_that_differs_by_a_character_is_not_the_remembered_one() {
    let auth = authenticator();
    let good = sign(&rs256(), &claims());
    auth.verify(&good).expect("good");
    for index in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(auth.verify(&altered), Err(TokenError::Invalid), "{index}");
    }
}

#[tokio::test]
async fn over_http_a_refused_token_is_401_and_the_reason_is_told_only_for_expiry() {
    let auth = Arc::new(authenticator());
    let app = App::new(
        Arc::clone(&auth),
        Health::default(),
        tokio_util::sync::CancellationToken::new(),
        crate::node::Shop::closed(),
        domain::money::Currency::GBP,
    );
    let client = Client { router: super::routes::router(app), auth, health: Health::default() };
    let send = async |token: &str| {
        let request = client.get("/v1/samples/01a1fde4-3b87-75f0-9efa-7796312c22b4");
        request.header(AUTHORIZATION.as_str(), &format!("Bearer {token}")).send().await
    };
    assert_eq!(send(&sign(&rs256(), &claims())).await.status, 200);
    let expired = send(&sign(&rs256(), &with(&claims(), "exp", json!(1)))).await;
    expired.is_problem(Code::TokenExpired);
    assert!(expired.header("www-authenticate").contains("expired"));
    let mut details = Vec::new();
    for (name, value) in [("aud", json!("x")), ("iss", json!("x")), ("exp", json!("x")), ("sub", json!("x"))] {
        details.push(
            send(&sign(&rs256(), &with(&claims(), name, value))).await.is_problem(Code::TokenInvalid)["detail"].clone(),
        );
    }
    details.dedup();
    assert_eq!(details.len(), 1);
}

#[test]
fn keys_that_should_not_be_there_are_named() {
    let folder = Folder::new();
    let load = |name: &str, text: &str| KeyRing::load(&folder.write(name, text), &realm()).err();
    assert!(matches!(load("a.pem", "nonsense"), Some(KeyError::NotAKey { .. })));
    assert!(matches!(
        load("b.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        Some(KeyError::NotAKey { .. })
    ));
    assert!(matches!(load("c.json", r#"{"keys":[]}"#), Some(KeyError::NotAKey { .. })));
    let secret = r#"{"keys":[{"kty":"oct","kid":"s","k":"AAAA"}]}"#;
    assert!(matches!(load("d.json", secret), Some(KeyError::UnsupportedKind { .. })));
    let other_curve = r#"{"keys":[{"kty":"EC","crv":"P-384","kid":"s","x":"AAAA","y":"AAAA"}]}"#;
    assert!(matches!(load("e.json", other_curve), Some(KeyError::UnsupportedKind { .. })));
    let other_algorithm = r#"{"keys":[{"kty":"RSA","alg":"PS256","kid":"s","n":"AQAB","e":"AQAB"}]}"#;
    assert!(matches!(load("f.json", other_algorithm), Some(KeyError::UnsupportedKind { .. })));
    open_or_create_dev_key(&folder.0).expect("a new key");
    assert!(matches!(KeyRing::load(&folder.0.join("signing-key.pem"), &realm()).err(), Some(KeyError::Private { .. })));
    assert!(matches!(KeyRing::load(&folder.0.join("none"), &realm()).err(), Some(KeyError::Unreadable { .. })));
    let twice = format!("{{\"keys\":[{0},{0}]}}", jwk_set()["keys"][0]);
    assert!(matches!(load("g.json", &twice), Some(KeyError::DuplicateId { .. })));
}

#[test]
fn the_development_key_is_made_once_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    assert!(matches!(open_dev_key(&folder.0).err(), Some(SigningKeyError::Absent { .. })));
    let made = open_or_create_dev_key(&folder.0).expect("a new key");
    let path = folder.0.join("signing-key.pem");
    assert_eq!(std::fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(&folder.0).expect("ours").count(), 1);
    let opened = open_or_create_dev_key(&folder.0).expect("the same key");
    let grant =
        crate::auth::signing::Grant { subject: Uuid::now_v7(), role: Role::Admin, guest: false, lifetime: super::HOUR };
    super::authenticator(made).verify(&opened.sign(grant)).expect("signed by the same key");
    std::fs::write(&path, "").expect("ours");
    assert!(matches!(open_dev_key(&folder.0).err(), Some(SigningKeyError::NotAKey { .. })));
}
