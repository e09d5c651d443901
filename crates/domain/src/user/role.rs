//! The roles of users.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Buys: sees and changes their own data.
    Customer,
    /// Manages products, stock and all orders.
    Staff,
    /// May do what staff may, and manages users and roles.
    Admin,
}

impl Role {
    /// Every role, in order of increasing permissions.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Staff, Self::Admin];

    /// Its name for clients and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Customer => 1,
            Self::Staff => 2,
            Self::Admin => 4,
        }
    }
}

impl FromStr for Role {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| Invalid::new("must be one of customer, staff, admin"))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A non-empty set of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// The roles of a new account.
    pub const CUSTOMER: Self = Self(Role::Customer.bit());

    /// Creates a set; duplicates count once.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, Invalid> {
        match roles.into_iter().fold(0, |bits, role| bits | role.bit()) {
            0 => Err(Invalid::new("must name at least one role")),
            bits => Ok(Self(bits)),
        }
    }

    /// Returns whether the set contains the role itself; see [`crate::auth::Actor`] for permissions.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Iterates over the roles, in order of increasing permissions.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    /// The set as a number, for stores: the sum of 1 customer, 2 staff, 4 admin.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Converts such a number to a set.
    pub fn from_bits(bits: u8) -> Result<Self, Invalid> {
        if bits == 0 || bits > 7 {
            return Err(Invalid::new("must be a sum of 1, 2 and 4"));
        }
        Ok(Self(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_contains_its_roles() {
        let roles = Roles::new([Role::Admin, Role::Customer, Role::Admin]).unwrap();
        assert_eq!(roles.iter().collect::<Vec<_>>(), [Role::Customer, Role::Admin]);
        assert!(!roles.contains(Role::Staff));
        assert_eq!(Roles::from_bits(roles.bits()).unwrap(), roles);
    }

    #[test]
    fn empty_and_unknown_roles_are_refused() {
        assert!(Roles::new([]).is_err());
        assert!(Roles::from_bits(0).is_err());
        assert!(Roles::from_bits(8).is_err());
    }
}
