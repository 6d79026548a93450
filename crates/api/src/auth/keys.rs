//! The public keys that tokens are verified with, read once from a file or a folder. The algorithm belongs to the key, never
//! to the token: a key verifies under exactly one, and no symmetric key is ever taken.

use std::fs;
use std::path::{Path, PathBuf};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

/// How far the clocks of issuer and server may differ.
pub const LEEWAY_SECONDS: u64 = 30;

/// Uncompressed P-256 point: 0x04, x, y.
const P256_POINT_BYTES: usize = 65;

/// Whose tokens, meant for whom, a key vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    pub issuer: String,
    pub audience: String,
}

/// One public key with everything that is fixed by it.
pub struct VerifyingKey {
    kid: String,
    pub(super) key: DecodingKey,
    pub(super) validation: Validation,
}

impl VerifyingKey {
    pub(super) fn new(kid: String, key: DecodingKey, algorithm: Algorithm, realm: &Realm) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&realm.issuer]);
        validation.set_audience(&[&realm.audience]);
        // `iat` is required by the claims' type; jsonwebtoken checks no other name.
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { kid, key, validation }
    }
}

/// All configured keys. A key id is looked up here and nowhere else.
#[derive(Default)]
pub struct KeyRing(Vec<VerifyingKey>);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read the keys at {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} holds no public key in PEM (Ed25519, P-256 or RSA) and no JWK set", path.display())]
    NotAKey { path: PathBuf },
    #[error("{} holds a private key; give the public one", path.display())]
    Private { path: PathBuf },
    #[error("a key of {} is of a kind that is not used here: Ed25519, P-256 and RSA are", path.display())]
    UnsupportedKind { path: PathBuf },
    #[error("two keys have the id {kid}")]
    DuplicateId { kid: String },
}

impl KeyRing {
    /// Reads one file, or every `.pem`, `.json` and `.jwks` of a folder. The id of a PEM key is its file's name without the ending.
    pub fn load(path: &Path, realm: &Realm) -> Result<Self, KeyError> {
        let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
        let mut ring = Self::default();
        if !path.is_dir() {
            ring.load_file(path, realm)?;
            return Ok(ring);
        }
        let mut files = fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>())
            .map_err(unreadable)?;
        files.retain(|file| {
            matches!(file.extension().and_then(|extension| extension.to_str()), Some("pem" | "json" | "jwks"))
        });
        files.sort();
        if files.is_empty() {
            return Err(KeyError::NotAKey { path: path.to_owned() });
        }
        files.iter().try_for_each(|file| ring.load_file(file, realm))?;
        Ok(ring)
    }

    pub fn add(&mut self, key: VerifyingKey) -> Result<(), KeyError> {
        if self.0.iter().any(|other| other.kid == key.kid) {
            return Err(KeyError::DuplicateId { kid: key.kid });
        }
        self.0.push(key);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A token without a key id is taken only where there is one key it can mean.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        match kid {
            Some(kid) => self.0.iter().find(|key| key.kid == kid),
            None => <&[VerifyingKey; 1]>::try_from(self.0.as_slice()).ok().map(|[only]| only),
        }
    }

    fn load_file(&mut self, path: &Path, realm: &Realm) -> Result<(), KeyError> {
        let text = fs::read_to_string(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private { path: path.to_owned() });
        }
        if text.contains("-----BEGIN") {
            let (key, algorithm) = from_pem(path, text.as_bytes())?;
            let kid = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            return self.add(VerifyingKey::new(kid, key, algorithm, realm));
        }
        let set: JwkSet = serde_json::from_str(&text).map_err(|_| KeyError::NotAKey { path: path.to_owned() })?;
        // A set may carry keys for encryption beside those for signatures.
        for jwk in set.keys.iter().filter(|jwk| jwk.common.public_key_use != Some(PublicKeyUse::Encryption)) {
            let (key, algorithm) = from_jwk(jwk).ok_or_else(|| KeyError::UnsupportedKind { path: path.to_owned() })?;
            let kid = jwk.common.key_id.clone().unwrap_or_default();
            self.add(VerifyingKey::new(kid, key, algorithm, realm))?;
        }
        if self.is_empty() { Err(KeyError::NotAKey { path: path.to_owned() }) } else { Ok(()) }
    }
}

fn from_pem(path: &Path, pem: &[u8]) -> Result<(DecodingKey, Algorithm), KeyError> {
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok((key, Algorithm::EdDSA));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        return match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(P256_POINT_BYTES) => Ok((key, Algorithm::ES256)),
            _ => Err(KeyError::UnsupportedKind { path: path.to_owned() }),
        };
    }
    match DecodingKey::from_rsa_pem(pem) {
        Ok(key) => Ok((key, Algorithm::RS256)),
        Err(_) => Err(KeyError::NotAKey { path: path.to_owned() }),
    }
}

/// `None` for what has no place here: symmetric keys, other curves, and keys marked for another algorithm than ours.
fn from_jwk(jwk: &Jwk) -> Option<(DecodingKey, Algorithm)> {
    let (algorithm, marked) = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        _ => return None,
    };
    if jwk.common.key_algorithm.is_some_and(|other| other != marked) {
        return None;
    }
    DecodingKey::from_jwk(jwk).ok().map(|key| (key, algorithm))
}
