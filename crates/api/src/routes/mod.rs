//! The routes, one file a URL noun.

pub(crate) mod guests;
