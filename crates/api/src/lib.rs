//! api
pub mod servers;
