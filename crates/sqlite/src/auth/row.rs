//! Rows of sessions.

use diesel::{Insertable, Queryable, Selectable, sqlite::Sqlite};
use entrepot_domain::{
    Fault, SessionId, UserId,
    auth::{Device, NewSession, RefreshState, Session, TokenHash},
};

use crate::{
    error::broken_row,
    schema::sessions,
    value::{Id, moment},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, check_for_backend(Sqlite))]
pub(super) struct SessionRow {
    pub(super) id: Id,
    pub(super) user_id: Id,
    pub(super) refresh_hash: Vec<u8>,
    pub(super) refresh_id: Id,
    pub(super) refresh_issued_at: i64,
    pub(super) previous_hash: Option<Vec<u8>>,
    pub(super) rotated_at: Option<i64>,
    pub(super) user_agent: Option<String>,
    pub(super) address: Option<String>,
    pub(super) created_at: i64,
    pub(super) last_used_at: i64,
    pub(super) expires_at: i64,
    pub(super) ended_at: Option<i64>,
}

impl From<&NewSession> for SessionRow {
    fn from(new: &NewSession) -> Self {
        Self {
            id: Id(new.id.0),
            user_id: Id(new.user.0),
            refresh_hash: new.refresh.hash.0.to_vec(),
            refresh_id: Id(new.refresh.id),
            refresh_issued_at: new.refresh.issued_at.timestamp_millis(),
            previous_hash: None,
            rotated_at: None,
            user_agent: new.device.user_agent.clone(),
            address: new.device.address.map(|address| address.to_string()),
            created_at: new.cause.at.timestamp_millis(),
            last_used_at: new.cause.at.timestamp_millis(),
            expires_at: new.refresh.expires_at.timestamp_millis(),
            ended_at: None,
        }
    }
}

impl SessionRow {
    /// The current refresh token.
    pub(super) fn refresh(&self) -> Result<RefreshState, Fault> {
        let id = self.id.0;
        let hash = self.refresh_hash.as_slice().try_into();
        Ok(RefreshState {
            hash: TokenHash(hash.map_err(|_| broken_row("sessions", "refresh_hash", id, "is no SHA-256"))?),
            id: self.refresh_id.0,
            issued_at: moment("sessions", "refresh_issued_at", id, self.refresh_issued_at)?,
            expires_at: moment("sessions", "expires_at", id, self.expires_at)?,
        })
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = Fault;

    fn try_from(row: SessionRow) -> Result<Self, Fault> {
        let id = row.id.0;
        let address = row.address.as_deref().map(str::parse).transpose();
        Ok(Self {
            id: SessionId(id),
            user: UserId(row.user_id.0),
            device: Device {
                user_agent: row.user_agent,
                address: address.map_err(|why| broken_row("sessions", "address", id, why))?,
            },
            created_at: moment("sessions", "created_at", id, row.created_at)?,
            last_used_at: moment("sessions", "last_used_at", id, row.last_used_at)?,
            expires_at: moment("sessions", "expires_at", id, row.expires_at)?,
        })
    }
}
