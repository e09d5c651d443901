//! The scopes of API keys.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// A permission of a key, within the roles of its user. There is no scope for sessions, keys, the second factor,
/// passwords, roles and the deletion of accounts: they require a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read orders and their events.
    OrdersRead,
    /// Place orders, and change their status as far as the user may.
    OrdersWrite,
    /// Create, update, archive and restore products.
    ProductsWrite,
    /// Adjust stock.
    StockWrite,
    /// Read the user, or all users if the user is an admin.
    UsersRead,
    /// Read the event log and follow live feeds.
    EventsRead,
    /// Manage webhooks.
    WebhooksWrite,
}

impl Scope {
    /// Every scope, in display order.
    pub const ALL: [Self; 7] = [
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::ProductsWrite,
        Self::StockWrite,
        Self::UsersRead,
        Self::EventsRead,
        Self::WebhooksWrite,
    ];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::ProductsWrite => "products:write",
            Self::StockWrite => "stock:write",
            Self::UsersRead => "users:read",
            Self::EventsRead => "events:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::OrdersRead => 1,
            Self::OrdersWrite => 2,
            Self::ProductsWrite => 4,
            Self::StockWrite => 8,
            Self::UsersRead => 16,
            Self::EventsRead => 32,
            Self::WebhooksWrite => 64,
        }
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == name)
            .ok_or_else(|| Invalid::new(format!("must be one of {}", Self::ALL.map(Self::as_str).join(", "))))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A non-empty set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// Creates a set; duplicates count once.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, Invalid> {
        match scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()) {
            0 => Err(Invalid::new("must name at least one scope")),
            bits => Ok(Self(bits)),
        }
    }

    /// Returns whether the set contains the scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Iterates over the scopes in display order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }

    /// The set as a number, for stores: the sum of 1 orders:read, 2 orders:write, 4 products:write, 8 stock:write, 16
    /// users:read, 32 events:read, 64 webhooks:write.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Converts such a number to a set.
    pub fn from_bits(bits: u16) -> Result<Self, Invalid> {
        if bits == 0 || bits > 127 {
            return Err(Invalid::new("must be a sum of powers of two up to 64"));
        }
        Ok(Self(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_contains_its_scopes() {
        let scopes = Scopes::new([Scope::StockWrite, Scope::OrdersRead, Scope::StockWrite]).unwrap();
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::OrdersRead, Scope::StockWrite]);
        assert!(!scopes.contains(Scope::OrdersWrite));
        assert_eq!(Scopes::from_bits(scopes.bits()).unwrap(), scopes);
        assert_eq!(Scopes::new(Scope::ALL).unwrap().bits(), 127, "the highest sum that a store may keep");
    }

    #[test]
    fn empty_and_unknown_scopes_are_refused() {
        assert!(Scopes::new([]).is_err());
        assert!(Scopes::from_bits(0).is_err());
        assert!(Scopes::from_bits(128).is_err());
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for bad in ["", "orders", "orders:*", "Orders:read", "keys:write"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
