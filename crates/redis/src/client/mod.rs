//! The connection to Redis, and what all commands have in common.

pub(crate) mod breaker;
pub(crate) mod connection;
pub(crate) mod error_message;
pub(crate) mod options;
pub(crate) mod pending;
pub(crate) mod script;
pub(crate) mod server_identity;
pub(crate) mod slot_migration;
pub(crate) mod unique_numbers;
