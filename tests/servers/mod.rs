//! The servers Daybook starts for itself: they come up in any folder, and never outlive whoever started them.

mod kafka;
mod postgres;
