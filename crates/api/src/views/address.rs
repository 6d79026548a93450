//! Where an order goes, on the wire and inside its seal.

use domain::country::Country;
use domain::ids::Text;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A postal address. It is sealed under the person's key before anything is decided or stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Address {
    #[schema(value_type = String, max_length = 200, example = "Ada Lovelace")]
    pub(crate) name: Text<200>,
    #[schema(value_type = String, max_length = 200, example = "12 St James's Square")]
    pub(crate) line1: Text<200>,
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line2: Option<Text<200>>,
    #[schema(value_type = String, max_length = 100, example = "London")]
    pub(crate) city: Text<100>,
    #[schema(value_type = Option<String>, max_length = 100)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<Text<100>>,
    #[schema(value_type = String, max_length = 20, example = "SW1Y 4JH")]
    pub(crate) postal_code: Text<20>,
    /// ISO 3166-1 alpha-2
    #[schema(value_type = String, example = "GB")]
    pub(crate) country: Country,
}
