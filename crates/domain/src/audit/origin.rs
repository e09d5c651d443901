//! Who requested a change, and from where.

use std::net::IpAddr;

use crate::{ApiKeyId, SessionId, UserId};

/// The origin of a request, determined by the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub address: IpAddr,
    /// The identifier of the request in responses and logs.
    pub request_id: String,
}

/// Who requested a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    User {
        id: UserId,
        /// The session whose token was used; `None` for a login itself.
        session: Option<SessionId>,
    },
    /// An API key.
    ApiKey {
        /// The user that the key acts for.
        user: UserId,
        key: ApiKeyId,
    },
    /// The command line, for which access to the store suffices.
    CommandLine,
    /// The program itself, in a background job.
    System,
    /// A client without valid credentials, at registration or with a reused refresh token.
    Anonymous,
}
