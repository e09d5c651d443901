//! Who asked for a change, and from where.

use std::net::IpAddr;

use crate::{ApiKeyId, SessionId, UserId};

/// From where something was asked, as the edge found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// How answers and logs name the request.
    pub request_id: String,
}

/// Who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A user.
    User {
        /// Which.
        id: UserId,
        /// By which login.
        session: Option<SessionId>,
    },
    /// A machine that acts for a user.
    ApiKey {
        /// For whom.
        user: UserId,
        /// By which key.
        key: ApiKeyId,
    },
    /// Whoever may run the program where its store is.
    CommandLine,
    /// Somebody who did not say who they are: signing up, or with a token that is not believed.
    Anonymous,
}
