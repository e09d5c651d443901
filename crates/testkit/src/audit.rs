//! Why things happen.

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

/// Why something happens at that moment: nobody in particular wants it. Each one has another identifier, greater than
/// all before.
pub fn cause(at: Timestamp) -> Cause {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // With room between, for those that have several entries.
    let n = u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 32;
    Cause { id: id(n), at, who: Who::Nobody, origin: Some(origin()) }
}

/// The same, because a user wants it.
pub fn by(user: UserId, at: Timestamp) -> Cause {
    Cause { who: Who::User { id: user, session: None }, ..cause(at) }
}
