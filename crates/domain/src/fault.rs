//! What can go wrong outside the rules of the domain.

use std::borrow::Cow;

/// What an adapter could not do, whatever was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The dependency cannot answer now (down, overloaded, locked, full). Nothing was changed, or it is not known
    /// whether it was; the caller may try again later. The edge answers 503.
    #[error("{dependency} is unavailable")]
    Unavailable {
        /// Which dependency, as an operator calls it: `sqlite`, `postgres`, `redis`, `bcrypt`.
        dependency: &'static str,
        /// What it said, for the log alone.
        #[source]
        source: anyhow::Error,
    },
    /// Anything else: a bug, or a store whose content breaks a rule. The edge answers 500 and shows none of it.
    #[error("unexpected failure")]
    Unknown(#[source] anyhow::Error),
}

impl Fault {
    /// A dependency that cannot answer now, with what it said.
    pub fn unavailable(dependency: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable { dependency, source: source.into() }
    }

    /// The stable name that clients and metrics know it by.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::Unknown(_) => "internal",
        }
    }

    /// A failure nobody planned for.
    pub fn unknown(source: impl Into<anyhow::Error>) -> Self {
        Self::Unknown(source.into())
    }
}

/// Why a value could not be parsed, as a person would be told: `must be at least 8 characters long`.
/// Whoever knows the field's name puts it before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub Cow<'static, str>);

impl Invalid {
    /// A reason, worded to follow the name of the field.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl From<Invalid> for String {
    fn from(invalid: Invalid) -> Self {
        invalid.0.into_owned()
    }
}
