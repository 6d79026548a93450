//! Personal data at the edge: sealed before anything is decided, opened for whoever may see it.

use commands::vault::{Vault, VaultError};
use domain::sealed::Sealed;
use uuid::Uuid;

use crate::problem::Problem;
use crate::problems::Code;
use crate::views::address::Address;

/// What of an order is personal. Nothing, once the person has been erased.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) shipping_address: Option<Address>,
    pub(crate) email: Option<String>,
}

pub(crate) async fn seal_address(vault: &Vault, subject: Uuid, address: &Address) -> Result<Sealed, Problem> {
    let text = serde_json::to_string(address).map_err(|error| Problem::internal(&error))?;
    seal(vault, subject, &text).await
}

pub(crate) async fn seal(vault: &Vault, subject: Uuid, text: &str) -> Result<Sealed, Problem> {
    vault.seal(subject, text).await.map_err(|error| problem_of(&error))
}

pub(crate) async fn open<'a>(
    vault: &Vault,
    address: impl Into<Option<&'a Sealed>>,
    email: Option<&Sealed>,
) -> Result<Opened, Problem> {
    let address = match address.into() {
        Some(address) => vault.open(address).await.map_err(|error| problem_of(&error))?,
        None => None,
    };
    let shipping_address = match address {
        Some(text) => Some(serde_json::from_str(&text).map_err(|error| Problem::internal(&error))?),
        None => None,
    };
    let email = match email {
        Some(email) => vault.open(email).await.map_err(|error| problem_of(&error))?,
        None => None,
    };
    Ok(Opened { shipping_address, email })
}

fn problem_of(error: &VaultError) -> Problem {
    match error {
        VaultError::Database(_) => Problem::new(Code::Unavailable).because(error),
        VaultError::Erased { .. } => Problem::new(Code::Erased),
        VaultError::TooLong { .. } | VaultError::DoesNotOpen { .. } => Problem::internal(error),
    }
}
