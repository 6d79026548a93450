//! api
pub mod load;
pub mod servers;
