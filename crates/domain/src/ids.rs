//! Identifiers that cannot be mistaken for one another.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::Invalid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                // Only the hyphenated form: what the API prints is what it takes.
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id)),
                    _ => Err(Invalid::new("must be a UUID")),
                }
            }
        }
    };
}

id!(
    /// Names a user.
    UserId
);
id!(
    /// Names a login: the family of all refresh tokens that came from it.
    SessionId
);
id!(
    /// Names a key of a machine.
    ApiKeyId
);
id!(
    /// Names a product of the catalogue.
    ProductId
);
id!(
    /// Names an order.
    OrderId
);

/// Counts the changes of one thing from 1 on. It is what an `ETag` says and an `If-Match` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    /// The version of what was just made.
    pub const FIRST: Self = Self(1);

    /// The version after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Whether a caller who has seen `expected` may change this version. `None` is a caller to whom it does not matter.
    pub fn satisfies(self, expected: Option<Self>) -> bool {
        expected.is_none_or(|expected| expected == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_satisfies_its_own_number_and_none() {
        let version = Version::FIRST.next();
        assert!(version.satisfies(None) && version.satisfies(Some(Version(2))));
        assert!(!version.satisfies(Some(Version::FIRST)));
    }
}
