//! How often somebody may knock.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;

use crate::{ApiKeyId, UserId};

/// So many in a window of time, which begins with the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub limit: u32,
    /// In how long.
    pub window: Duration,
}

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Requests of an address that is not logged in.
    Address(IpAddr),
    /// Requests of a user, from wherever they come.
    User(UserId),
    /// Requests with an API key, from wherever they come.
    ApiKey(ApiKeyId),
    /// Failed logins of an address for an account; the email is folded.
    Login {
        /// Where they came from.
        address: IpAddr,
        /// Whom they tried to be.
        email: String,
    },
    /// Wrong passwords of a user who is logged in, from wherever they come.
    Password(UserId),
    /// Wrong codes of a user's second factor, from wherever they come.
    Code(UserId),
}

impl Subject {
    /// Every word that [`limit`](Self::limit) says.
    pub const LIMITS: [&'static str; 6] = ["address", "user", "api_key", "login", "password", "code"];

    /// Which limit it is that counts them: one word of a few, for operators.
    pub const fn limit(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::User(_) => "user",
            Self::ApiKey(_) => "api_key",
            Self::Login { .. } => "login",
            Self::Password(_) => "password",
            Self::Code(_) => "code",
        }
    }
}

/// Where somebody stands with a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether this one is within it.
    pub allowed: bool,
    /// How many more are.
    pub remaining: u32,
    /// When the count begins anew.
    pub resets_in: Duration,
}

/// Counts in fixed windows. Counts are exact within one process. An adapter that shares them over all instances documents
/// by how much several may exceed a limit together; limits below 128 are exact over all of them. An adapter whose store is
/// down counts in the process until it is back. It cannot fail.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one. A refused one is not counted, so that knocking does not lengthen the wait.
    async fn hit(&self, subject: &Subject, quota: Quota) -> Verdict;

    /// Tells where the subject stands, and counts nothing: `allowed` says whether a `hit` would be.
    async fn peek(&self, subject: &Subject, quota: Quota) -> Verdict;
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_limit_has_a_name_of_its_own() {
        let (user, address) = (UserId(Uuid::nil()), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let subjects = [
            Subject::Address(address),
            Subject::User(user),
            Subject::ApiKey(ApiKeyId(user.0)),
            Subject::Login { address, email: "ada@example.com".into() },
            Subject::Password(user),
            Subject::Code(user),
        ];
        let names: BTreeSet<_> = subjects.iter().map(Subject::limit).collect();
        assert_eq!(names, Subject::LIMITS.into());
    }
}
