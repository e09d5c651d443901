//! Rate limits.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use async_trait::async_trait;

use crate::{ApiKeyId, Email, UserId};

/// A number of hits per window of time. A window begins with its first hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    pub window: Duration,
}

/// The subject whose hits are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Requests without a login, by [address](Self::address).
    Address(IpAddr),
    /// Requests of a user, from wherever they come.
    User(UserId),
    /// Requests with an API key, from wherever they come.
    ApiKey(ApiKeyId),
    /// Failed logins, by [address and email](Self::login).
    Login {
        /// The address, or its network.
        address: IpAddr,
        /// The folded email.
        email: String,
    },
    /// Wrong passwords of a user who is logged in, from wherever they come.
    Password(UserId),
    /// Wrong codes of a user's second factor, from wherever they come.
    Code(UserId),
}

impl Subject {
    /// Every name that [`limit`](Self::limit) returns.
    pub const LIMITS: [&'static str; 6] = ["address", "user", "api_key", "login", "password", "code"];

    /// Requests from this address. Of IPv6 the network of 64 bits is counted, because one host has all of its addresses;
    /// an IPv4 address that is mapped into IPv6 is counted as what it is.
    pub fn address(address: IpAddr) -> Self {
        Self::Address(counted(address))
    }

    /// Failed logins from this address, counted as [`address`](Self::address) does, for this email.
    pub fn login(address: IpAddr, email: &Email) -> Self {
        Self::Login { address: counted(address), email: email.folded() }
    }

    /// The name of the limit that counts them, for operators; one of [`LIMITS`](Self::LIMITS).
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

/// The part of an address that is counted.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The result of counting a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitDecision {
    /// Whether the hit is within the quota.
    pub allowed: bool,
    /// How many more hits are within the quota.
    pub remaining: u32,
    /// The time until the window ends.
    pub resets_in: Duration,
}

/// Counts hits in fixed windows. Counts are exact within one process. An adapter that shares them between instances
/// documents by how much several instances may exceed a limit together; limits below 128 are exact over all instances.
/// An adapter whose store is down counts in the process until it is back. Its methods do not fail.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts a hit. A refused hit is not counted, so that retries do not prolong the wait.
    async fn hit(&self, subject: &Subject, quota: Quota) -> RateLimitDecision;

    /// Returns the state of the subject without counting: `allowed` says whether a `hit` would be allowed.
    async fn peek(&self, subject: &Subject, quota: Quota) -> RateLimitDecision;
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use uuid::Uuid;

    use super::*;

    #[test]
    fn network_of_64_bits_is_counted_as_one_address() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let email = Email::parse("Ada@example.com").unwrap();
        for (address, counted) in
            [("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7")]
        {
            assert_eq!(Subject::address(ip(address)), Subject::Address(ip(counted)));
            let login = Subject::Login { address: ip(counted), email: "ada@example.com".into() };
            assert_eq!(Subject::login(ip(address), &email), login);
        }
    }

    #[test]
    fn every_limit_has_a_unique_name() {
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
