//! What users may do.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// One thing a user may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Buys: sees and changes what is theirs.
    Customer,
    /// Runs the shop: products, stock and all orders.
    Staff,
    /// May do what staff may, and manages users and roles.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 3] = [Self::Customer, Self::Staff, Self::Admin];

    /// Its name, as clients and stores know it.
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

/// A set of roles, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// What everybody who signs up is.
    pub const CUSTOMER: Self = Self(Role::Customer.bit());

    /// A set of these; the same role twice counts once.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, Invalid> {
        match roles.into_iter().fold(0, |bits, role| bits | role.bit()) {
            0 => Err(Invalid::new("must name at least one role")),
            bits => Ok(Self(bits)),
        }
    }

    /// Whether the set has that very role; see [`crate::auth::Actor`] for who may do what.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// The roles, the weakest first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    /// The set as a number that a store may keep: 1 customer, 2 staff, 4 admin.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set behind such a number.
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
