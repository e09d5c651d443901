//! Tickets, which open a live feed where no header can be set.

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{Fault, Invalid, SessionId, Timestamp, UserId, api_key::KeyPrefix, token_hash::TokenHash};

/// What gives an actor access for longer than a token is good: their session, or their API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    Session(SessionId),
    ApiKey(KeyPrefix),
}

/// The prefix of every ticket, so that people and secret scanners recognise it.
const TICKET_PREFIX: &str = "et_";

/// A ticket: `et_` and 32 random bytes in hexadecimal digits. Wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct TicketSecret(Zeroizing<String>);

impl TicketSecret {
    /// The number of hexadecimal digits.
    const DIGITS: usize = 64;

    /// Writes 32 random bytes as a ticket.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        let mut ticket = Zeroizing::new(String::with_capacity(TICKET_PREFIX.len() + Self::DIGITS));
        ticket.push_str(TICKET_PREFIX);
        for byte in bytes.iter() {
            for digit in [byte >> 4, byte & 15] {
                ticket.push(char::from_digit(digit.into(), 16).unwrap_or_default());
            }
        }
        Self(ticket)
    }

    /// Parses a ticket.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix(TICKET_PREFIX).unwrap_or_default();
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if digits.len() == Self::DIGITS && digits.bytes().all(is_digit) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(Invalid::new("must be a ticket"))
        }
    }

    /// The hash that a store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }

    /// Returns the ticket as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

/// A ticket without its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The hash of the secret, which is not stored.
    pub hash: TokenHash,
    /// Whose it is.
    pub user: UserId,
    /// What it stands for.
    pub credential: Credential,
    pub expires_at: Timestamp,
}

/// Stores tickets. Every method is atomic.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TicketRepository: Send + Sync {
    /// Inserts a ticket, and deletes some that have expired at `now`.
    async fn issue(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Fault>;

    /// Takes the ticket with this hash out of the store and returns it; `None` if there is none, or it has expired at
    /// `now`. Of concurrent calls, on whatever instance, one gets it.
    async fn redeem(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Ticket>, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_has_all_its_bytes() {
        let ticket = TicketSecret::from_random([0xa5; 32]);
        assert_eq!(ticket.expose(), format!("et_{}", "a5".repeat(32)));
        assert_eq!(TicketSecret::parse(ticket.expose()).unwrap().hash(), ticket.hash());
        assert_eq!(format!("{ticket:?}"), "TicketSecret(…)");
    }

    #[test]
    fn malformed_tickets_are_refused() {
        let good = format!("et_{}", "a5".repeat(32));
        for bad in
            ["", "et_", &good[3..], &good[..66], &format!("{good}0"), &good.to_uppercase(), &good.replace('5', "g")]
        {
            assert!(TicketSecret::parse(bad).is_err(), "{bad}");
        }
    }
}
