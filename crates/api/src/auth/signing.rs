//! Tokens that Daybook signs itself: those of guests, and in development those of everybody. One Ed25519 key in a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::auth::Role;
use crate::auth::keys::{Realm, VerifyingKey};
use crate::auth::token::seconds_now;

/// Where `daybook dev` keeps its key, inside its data folder.
pub const DEV_KEY_FILE: &str = "signing-key.pem";
pub const DEV_ISSUER: &str = "daybook-dev";
pub const AUDIENCE: &str = "daybook";

const PEM_HEAD: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_TAIL: &str = "-----END PRIVATE KEY-----";
const PEM_LINE: usize = 64;

/// Signs tokens of one issuer.
pub struct TokenSigner {
    key: EncodingKey,
    public: Vec<u8>,
    kid: String,
    realm: Realm,
}

/// What a token is to say.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub subject: Uuid,
    pub role: Role,
    pub guest: bool,
    pub lifetime: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    #[error("there is no signing key at {}", path.display())]
    Absent { path: PathBuf },
    #[error("cannot read or write the signing key at {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is not an Ed25519 private key in PEM (PKCS #8)", path.display())]
    NotAKey { path: PathBuf },
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    iat: i64,
    exp: i64,
    jti: Uuid,
    roles: [&'static str; 1],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    guest: bool,
}

impl TokenSigner {
    pub fn open(path: &Path, realm: Realm) -> Result<Self, SigningKeyError> {
        let pem = fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SigningKeyError::Absent { path: path.to_owned() },
            _ => SigningKeyError::File { path: path.to_owned(), source },
        })?;
        let der = from_pem(&pem).ok_or_else(|| SigningKeyError::NotAKey { path: path.to_owned() })?;
        Self::from_pkcs8(&der, realm).ok_or_else(|| SigningKeyError::NotAKey { path: path.to_owned() })
    }

    fn from_pkcs8(der: &[u8], realm: Realm) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(der).ok()?;
        let public = pair.public_key().as_ref().to_vec();
        let kid = Sha256::digest(&public).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { key: EncodingKey::from_ed_der(der), public, kid, realm })
    }

    /// The other half, for the server that is to accept these tokens.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::new(self.kid.clone(), DecodingKey::from_ed_der(&self.public), Algorithm::EdDSA, &self.realm)
    }

    pub fn sign(&self, grant: Grant) -> String {
        let now = seconds_now();
        let lifetime = i64::try_from(grant.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: &self.realm.issuer,
            aud: &self.realm.audience,
            sub: grant.subject,
            iat: now,
            exp: now.saturating_add(lifetime),
            jti: Uuid::now_v7(),
            roles: [grant.role.name()],
            guest: grant.guest,
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).expect("the key was checked to be an Ed25519 key when opened")
    }
}

/// The key of a development data folder; made, readable by its owner alone, if the folder has none yet.
pub fn open_or_create_dev_key(data: &Path) -> Result<TokenSigner, SigningKeyError> {
    let path = data.join(DEV_KEY_FILE);
    let file_error = |source| SigningKeyError::File { path: path.clone(), source };
    if !path.exists() {
        // Written aside and linked into place: whoever is first wins, and a crash leaves no half a key behind.
        let aside = data.join(format!("{DEV_KEY_FILE}.{}", std::process::id()));
        let linked = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| file.write_all(new_key_pem().as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::hard_link(&aside, &path));
        let removed = fs::remove_file(&aside);
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(file_error(error)),
            _ => removed.map_err(file_error)?,
        }
    }
    open_dev_key(data)
}

/// The key of a folder that `daybook dev` has used; [`SigningKeyError::Absent`] anywhere else.
pub fn open_dev_key(data: &Path) -> Result<TokenSigner, SigningKeyError> {
    let realm = Realm { issuer: DEV_ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
    TokenSigner::open(&data.join(DEV_KEY_FILE), realm)
}

fn new_key_pem() -> String {
    // Version 1 of PKCS #8, which OpenSSL and every other tool read too.
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .ok()
        .and_then(|document| Ed25519KeyPair::from_pkcs8(document.as_ref()).ok())
        .and_then(|pair| pair.to_pkcs8v1().ok())
        .expect("the system has randomness");
    let text = STANDARD.encode(key.as_ref());
    let mut pem = format!("{PEM_HEAD}\n");
    for line in text.as_bytes().chunks(PEM_LINE) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str(PEM_TAIL);
    pem.push('\n');
    pem
}

fn from_pem(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(PEM_HEAD)?;
    let (text, _) = rest.split_once(PEM_TAIL)?;
    let text: String = text.split_whitespace().collect();
    STANDARD.decode(text).ok()
}
