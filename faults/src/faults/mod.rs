//! The faults, as RELIABILITY's table has them. Each only does harm: what is wrong afterwards is for the checkers to say.
//!
//! - `process`: F01, F02, F03, F24, F28; `postgres`: F06, F15, F17, F18; `network`: F07; `clients`: F09, F20, F21

pub(crate) mod clients;
pub(crate) mod network;
pub(crate) mod postgres;
pub(crate) mod process;
