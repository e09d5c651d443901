//! Contexts of changes, for the audit log.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use entrepot_domain::{
    Timestamp, UserId,
    audit::{Cause, Origin, Who},
};

use crate::id;

/// A request from this machine.
pub fn origin() -> Origin {
    Origin { address: Ipv4Addr::LOCALHOST.into(), request_id: "request".to_owned() }
}

/// The cause of an anonymous change at this time. Each has a new identifier, greater than all before.
pub fn cause(at: Timestamp) -> Cause {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // With gaps, for causes with several entries.
    let n = u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 32;
    Cause { id: id(n), at, who: Who::Anonymous, origin: Some(origin()) }
}

/// The cause of a change by a user.
pub fn by(user: UserId, at: Timestamp) -> Cause {
    Cause { who: Who::User { id: user, session: None }, ..cause(at) }
}
