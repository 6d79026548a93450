//! The same kind of work as the load's, an item added to a cart, on the executor alone: no HTTP, no token, no JSON.
//! What a command costs beyond that is the edge's.

/// A figure of the same run, on the same machine.
pub enum Alone {
    Measured { commands_per_second: f64 },
    NotMeasured { reason: &'static str },
}
