//! What was done, by whom.

use std::sync::Arc;

use entrepot_domain::{
    Listing,
    audit::{AuditEntry, AuditLog, AuditQuery},
    auth::Actor,
};

use crate::Error;

/// The ports that [`AuditService`] holds.
pub struct AuditPorts {
    /// Where the log is read. What writes to it are the ports of all others.
    pub log: Arc<dyn AuditLog>,
}

/// What was done, by whom.
pub struct AuditService {
    ports: AuditPorts,
}

impl AuditService {
    /// A service over these ports.
    pub fn new(ports: AuditPorts) -> Self {
        Self { ports }
    }

    /// A part of the log, for admins.
    pub async fn list(&self, actor: &Actor, query: &AuditQuery) -> Result<Listing<AuditEntry>, Error> {
        if !actor.is_admin() {
            return Err(Error::Forbidden);
        }
        Ok(self.ports.log.list(query).await?)
    }
}
