//! The event log.

mod wake;

pub use wake::{EventWake, Wakened};
