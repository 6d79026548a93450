//! The file of a year of real sales: the *Online Retail* data set as gzipped CSV, a line at a time. `daybook load` shops by
//! it and `daybook import` records it.
//!
//! - `file` reads it, streaming, and says what is wrong with one that is not it; `fields` is one line by name
//! - `price` and `country` read what stands in the columns, without a float and without a guess

pub mod country;
mod fields;
mod file;
pub(crate) mod price;

use uuid::Uuid;

pub use fields::{Fields, Month};
pub(crate) use file::A_TIME;
pub use file::{FileError, HEADER, LINES_MAX, SaleFile, SaleLines};

/// A customer id of the file becomes a UUIDv5 in this namespace, the same in every run.
const CUSTOMERS: Uuid = Uuid::from_u128(0x5d0c_6f6e_9b3c_4c0f_8a57_2f1c_d1e0_7b42);

pub fn customer_id(text: &str) -> Uuid {
    Uuid::new_v5(&CUSTOMERS, text.as_bytes())
}
