//! How instances tell each other, through Redis, which cached values were changed.

pub(crate) mod invalidator;
pub(crate) mod log;
