//! api
pub mod load;
