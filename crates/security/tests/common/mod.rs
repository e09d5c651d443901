//! Helpers for tests of tokens.

use entrepot_domain::{SessionId, Timestamp, UserId, auth::RefreshClaims};
use uuid::Uuid;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

pub(crate) fn refresh_claims() -> RefreshClaims {
    RefreshClaims {
        user: UserId(Uuid::from_u128(1)),
        session: SessionId(Uuid::from_u128(2)),
        id: Uuid::from_u128(3),
        issued_at: at(0),
        expires_at: at(900),
    }
}
