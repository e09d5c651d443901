//! Identifiers, each of its own type.

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
                // Only the hyphenated form is accepted, as the API prints it.
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok(Self(id)),
                    _ => Err(Invalid::new("must be a UUID")),
                }
            }
        }
    };
}

id!(
    /// Identifies a user.
    UserId
);
id!(
    /// Identifies a session: all refresh tokens of one login.
    SessionId
);
id!(
    /// Identifies an API key.
    ApiKeyId
);
id!(
    /// Identifies a product.
    ProductId
);
id!(
    /// Identifies an order.
    OrderId
);
id!(
    /// Names a job.
    JobId
);
id!(
    /// Identifies an endpoint of webhooks.
    WebhookId
);
id!(
    /// Identifies a delivery to an endpoint.
    DeliveryId
);

/// Counts the changes of an entity, starting at 1. It is the value of `ETag` and `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl Version {
    /// The version of a new entity.
    pub const FIRST: Self = Self(1);

    /// The version after another change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Returns whether a caller that expects version `expected` may change this version. `None` accepts every version.
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
