//! The vault: seals personal data under a key of the person, so that destroying the key erases it everywhere.
//!
//! A person's AES-256-GCM key is wrapped by the master key and stands in `vault.keys`. The associated data of each
//! seal is the person's id, so that a sealed text cannot be passed off as another person's.

use std::fmt;
use std::sync::Mutex;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use domain::sealed::Sealed;
use hashlink::LruCache;
use sqlx::PgPool;
use uuid::Uuid;

const KEY_BYTES: usize = 32;
/// Unwrapped keys held in memory; the next person's costs one read.
const KEYS_CACHED_MAX: usize = 10_000;

/// The key that wraps all others. Comes from the configuration, never from the database.
#[derive(Clone)]
pub struct MasterKey {
    name: String,
    bytes: [u8; KEY_BYTES],
}

impl MasterKey {
    pub fn new(name: String, bytes: [u8; KEY_BYTES]) -> Self {
        Self { name, bytes }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault cannot be reached")]
    Database(#[from] sqlx::Error),
    #[error("the person {subject} has been erased")]
    Erased { subject: Uuid },
    #[error("a text of {subject} is too long to be sealed")]
    TooLong { subject: Uuid },
    #[error("a sealed text of {subject} does not open: another key, or it was changed")]
    DoesNotOpen { subject: Uuid },
}

pub struct Vault {
    pool: PgPool,
    master: LessSafeKey,
    master_name: String,
    keys: Mutex<LruCache<Uuid, [u8; KEY_BYTES]>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.master_name)
    }
}

impl Vault {
    pub fn new(pool: PgPool, master: MasterKey) -> Self {
        Self {
            pool,
            master: aead_key(&master.bytes),
            master_name: master.name,
            keys: Mutex::new(LruCache::new(KEYS_CACHED_MAX)),
        }
    }

    /// Seals under the person's key, which is made if there is none yet.
    pub async fn seal(&self, subject: Uuid, text: &str) -> Result<Sealed, VaultError> {
        let key = match self.key(subject).await? {
            Some(key) => key,
            None => self.make_key(subject).await?,
        };
        let sealed_box = BASE64.encode(seal_bytes(&aead_key(&key), subject, text.as_bytes()));
        Sealed::new(subject, &sealed_box).map_err(|_| VaultError::TooLong { subject })
    }

    /// The text, or `None` if the person has been erased.
    pub async fn open(&self, sealed: &Sealed) -> Result<Option<String>, VaultError> {
        let subject = sealed.subject();
        let key = match self.key(subject).await {
            Ok(Some(key)) => key,
            Ok(None) => return Err(VaultError::DoesNotOpen { subject }),
            Err(VaultError::Erased { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = BASE64.decode(sealed.sealed_box()).map_err(|_| VaultError::DoesNotOpen { subject })?;
        let opened = open_bytes(&aead_key(&key), subject, bytes).ok_or(VaultError::DoesNotOpen { subject })?;
        String::from_utf8(opened).map(Some).map_err(|_| VaultError::DoesNotOpen { subject })
    }

    async fn key(&self, subject: Uuid) -> Result<Option<[u8; KEY_BYTES]>, VaultError> {
        if let Some(key) = self.keys.lock().expect("no code panics while it holds the lock").get(&subject) {
            return Ok(Some(*key));
        }
        let pool = self.pool.clone();
        let find = async move { sqlx::query_file!("src/sql/find_person_key.sql", subject).fetch_optional(&pool).await };
        let Some(row) = to_its_end(find).await? else { return Ok(None) };
        let wrapped = row.wrapped_key.ok_or(VaultError::Erased { subject })?;
        let key = open_bytes(&self.master, subject, wrapped)
            .and_then(|key| key.try_into().ok())
            .ok_or(VaultError::DoesNotOpen { subject })?;
        self.keys.lock().expect("no code panics while it holds the lock").insert(subject, key);
        Ok(Some(key))
    }

    async fn make_key(&self, subject: Uuid) -> Result<[u8; KEY_BYTES], VaultError> {
        let mut key = [0; KEY_BYTES];
        rand::fill(&mut key).expect("the system has randomness");
        let wrapped = seal_bytes(&self.master, subject, &key);
        let (pool, master_name) = (self.pool.clone(), self.master_name.clone());
        let insert = async move {
            sqlx::query_file!("src/sql/insert_person_key.sql", subject, wrapped, master_name).execute(&pool).await
        };
        if to_its_end(insert).await?.rows_affected() == 0 {
            return self.key(subject).await?.ok_or(VaultError::DoesNotOpen { subject });
        }
        // It is the one that stands, and need not be read: under load each turn of a connection is one more to wait for.
        self.keys.lock().expect("no code panics while it holds the lock").insert(subject, key);
        Ok(key)
    }
}

/// Runs a statement to its end, whatever becomes of whoever waits for it. A client that hangs up takes its request along, and
/// a request would take along the connection that it was just being given, or was opening: of a few who hang up while Postgres
/// is slow, the others would wait for connections that are opened anew and given up again, until their time is over.
async fn to_its_end<T: Send + 'static>(
    statement: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    tokio::spawn(statement).await.expect("a statement does not panic, and nobody aborts it")
}

fn aead_key(bytes: &[u8; KEY_BYTES]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes"))
}

/// Nonce, ciphertext, tag. A random nonce is safe for far more texts than one person ever has.
fn seal_bytes(key: &LessSafeKey, subject: Uuid, text: &[u8]) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).expect("the system has randomness");
    let mut text = text.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(subject.as_bytes()), &mut text)
        .expect("AES-GCM seals any text that fits in memory");
    [nonce.as_slice(), &text].concat()
}

fn open_bytes(key: &LessSafeKey, subject: Uuid, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    Some(key.open_in_place(nonce, Aad::from(subject.as_bytes()), text).ok()?.to_vec())
}
