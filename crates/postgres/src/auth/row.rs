//! Rows of sessions.

use diesel::{Insertable, Queryable, Selectable, pg::Pg};
use entrepot_domain::{
    Fault, SessionId, Timestamp, UserId,
    auth::{Device, NewSession, RefreshState, Session, TokenHash},
};

use uuid::Uuid;

use crate::{error::broken_row, schema::sessions};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub(super) struct SessionRow {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) refresh_hash: Vec<u8>,
    pub(super) refresh_id: Uuid,
    pub(super) refresh_issued_at: Timestamp,
    pub(super) previous_hash: Option<Vec<u8>>,
    pub(super) rotated_at: Option<Timestamp>,
    pub(super) user_agent: Option<String>,
    pub(super) address: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
}

impl From<&NewSession> for SessionRow {
    fn from(new: &NewSession) -> Self {
        Self {
            id: new.id.0,
            user_id: new.user.0,
            refresh_hash: new.refresh.hash.0.to_vec(),
            refresh_id: new.refresh.id,
            refresh_issued_at: new.refresh.issued_at,
            previous_hash: None,
            rotated_at: None,
            user_agent: new.device.user_agent.clone(),
            address: new.device.address.map(|address| address.to_string()),
            created_at: new.cause.at,
            last_used_at: new.cause.at,
            expires_at: new.refresh.expires_at,
            ended_at: None,
        }
    }
}

impl SessionRow {
    /// The current refresh token.
    pub(super) fn refresh(&self) -> Result<RefreshState, Fault> {
        let id = self.id;
        let hash = self.refresh_hash.as_slice().try_into();
        Ok(RefreshState {
            hash: TokenHash(hash.map_err(|_| broken_row("sessions", "refresh_hash", id, "is no SHA-256"))?),
            id: self.refresh_id,
            issued_at: self.refresh_issued_at,
            expires_at: self.expires_at,
        })
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = Fault;

    fn try_from(row: SessionRow) -> Result<Self, Fault> {
        let id = row.id;
        let address = row.address.as_deref().map(str::parse).transpose();
        Ok(Self {
            id: SessionId(id),
            user: UserId(row.user_id),
            device: Device {
                user_agent: row.user_agent,
                address: address.map_err(|why| broken_row("sessions", "address", id, why))?,
            },
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
        })
    }
}
