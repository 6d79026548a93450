//! Signatures: those that hold, and every way in which one does not.

use super::*;

const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(&Secret::new(text))
}

/// As Stripe signs.
fn signature(secret: &str, time: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &[format!("{time}.").as_bytes(), body].concat());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checked(header: &str, body: &[u8], now: i64) -> Result<(), WebhookError> {
    let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), header.parse().unwrap())]);
    verify(&[secret("whsec_a")], &headers, body, at(now))
}

#[test]
fn the_published_way_of_signing_is_the_one_that_is_verified() {
    // By another program: printf '1700000000.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_a
    let known = "df87fbe58f040d9c8b0a699dde357e2fdaaf72826b77a63b875a907f851d0b0d";
    assert_eq!(signature("whsec_a", 1_700_000_000, BODY), known);
    assert_eq!(checked(&format!("t=1700000000,v1={known}"), BODY, 1_700_000_000), Ok(()));
}

#[test]
fn a_signature_holds_for_five_minutes_either_way() {
    let header = format!("t=1000000,v1={}", signature("whsec_a", 1_000_000, BODY));
    for now in [1_000_000, 1_000_300, 999_700] {
        assert_eq!(checked(&header, BODY, now), Ok(()), "{now}");
    }
    for now in [1_000_301, 999_699, 2_000_000] {
        assert_eq!(checked(&header, BODY, now), Err(WebhookError::WrongTime), "{now}");
    }
}

#[test]
fn a_byte_that_was_changed_anywhere_is_noticed() {
    let good = signature("whsec_a", 1_000_000, BODY);
    for at in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[at] ^= 1;
        assert_eq!(checked(&format!("t=1000000,v1={good}"), &body, 1_000_000), Err(WebhookError::WrongSignature));
    }
    let other_time = format!("t=1000001,v1={good}");
    assert_eq!(checked(&other_time, BODY, 1_000_000), Err(WebhookError::WrongSignature));
    let other_secret = format!("t=1000000,v1={}", signature("whsec_b", 1_000_000, BODY));
    assert_eq!(checked(&other_secret, BODY, 1_000_000), Err(WebhookError::WrongSignature));
}

#[test]
fn while_a_secret_is_rolled_one_of_several_signatures_is_enough_and_so_is_one_of_several_secrets() {
    let (old, new) = (signature("whsec_old", 1_000_000, BODY), signature("whsec_a", 1_000_000, BODY));
    for header in [
        format!("t=1000000,v1={old},v1={new}"),
        format!("t=1000000, v1={new}, v1={old}, v0=deadbeef"),
        format!("v1=short,v1={new},t=1000000"),
    ] {
        assert_eq!(checked(&header, BODY, 1_000_000), Ok(()), "{header}");
    }
    let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), format!("t=1000000,v1={old}").parse().unwrap())]);
    let secrets = [secret("whsec_a"), secret("whsec_old")];
    assert_eq!(verify(&secrets, &headers, BODY, at(1_000_000)), Ok(()));
}

#[test]
fn what_is_no_signature_is_refused_for_what_it_is() {
    let good = signature("whsec_a", 1_000_000, BODY);
    for header in
        ["", "t", &format!("v1={good}"), &format!("t=1000000,t=1000000,v1={good}"), &format!("t=now,v1={good}")]
    {
        assert_eq!(checked(header, BODY, 1_000_000), Err(WebhookError::MalformedSignature), "{header}");
    }
    // An older scheme, and digits that are none.
    for header in [format!("t=1000000,v0={good}"), format!("t=1000000,v1={}", "é".repeat(32)), "t=1000000".to_owned()]
    {
        let refused = checked(&header, BODY, 1_000_000);
        assert!(matches!(refused, Err(WebhookError::WrongSignature | WebhookError::MalformedSignature)), "{header}");
    }
    assert_eq!(verify(&[secret("whsec_a")], &HeaderMap::new(), BODY, at(1)), Err(WebhookError::Unsigned));
    let headers = HeaderMap::from_iter([(HEADER.parse().unwrap(), format!("t=1000000,v1={good}").parse().unwrap())]);
    assert_eq!(verify(&[], &headers, BODY, at(1_000_000)), Err(WebhookError::NotExpected));
}
