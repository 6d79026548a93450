//! How handlers read a request: body, path, query and headers, each as a typed value or a problem that names what is wrong.
//!
//! Strictness lives here and not in the types read: unknown fields and parameters, keys given twice, U+0000, deep nesting
//! and arrays in place of objects are refused whatever the type says.

mod body;
mod deserialize;
mod fault;
mod json;
mod parameters;

pub use body::{JsonBody, NoBody, RawBody};
pub use parameters::{PathParam, QueryParams};
