//! Failures that are not part of the domain's rules.

use std::borrow::Cow;

/// A failure of an adapter, whatever the operation.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The dependency is down, overloaded, locked or full. Nothing was changed, or it is not known whether it was. The
    /// caller may retry later; the edge responds with 503.
    #[error("{dependency} is unavailable")]
    Unavailable {
        /// The name for operators: `sqlite`, `postgres`, `redis`, `bcrypt`.
        dependency: &'static str,
        /// The cause, for the log only.
        #[source]
        source: anyhow::Error,
    },
    /// A bug, or stored data that breaks a rule. The edge responds with 500 and hides the cause.
    #[error("unexpected failure")]
    Unknown(#[source] anyhow::Error),
}

impl Fault {
    /// Creates [`Fault::Unavailable`].
    pub fn unavailable(dependency: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable { dependency, source: source.into() }
    }

    /// The stable code for clients and metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Unknown(_) => "internal",
        }
    }

    /// Creates [`Fault::Unknown`].
    pub fn unknown(source: impl Into<anyhow::Error>) -> Self {
        Self::Unknown(source.into())
    }
}

/// Why a value is invalid, worded to follow the name of its field: `must be at least 8 characters long`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub Cow<'static, str>);

impl Invalid {
    /// Creates an error with a reason, worded to follow the name of the field.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl From<Invalid> for String {
    fn from(invalid: Invalid) -> Self {
        invalid.0.into_owned()
    }
}
