//! A `json` column as the text it holds. Reading it through a JSON parser would cost most of the time of a replay, and
//! would not give back the bytes that were hashed.

use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};

#[derive(Debug)]
pub(crate) struct RawJson(pub(crate) String);

impl Type<Postgres> for RawJson {
    fn type_info() -> PgTypeInfo {
        // Not `jsonb`, whose binary form starts with a version byte and whose text is not the one that was stored.
        PgTypeInfo::with_name("json")
    }
}

impl<'r> Decode<'r, Postgres> for RawJson {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(value.as_str()?.to_owned()))
    }
}
