//! Reads the audit log.

use std::sync::Arc;

use entrepot_domain::{
    Listing,
    audit::{AuditEntry, AuditLog, AuditQuery},
    auth::Actor,
};

use crate::Error;

/// The ports that [`AuditService`] holds.
pub struct AuditPorts {
    /// Reads the log. The repositories write to it.
    pub log: Arc<dyn AuditLog>,
}

/// Reads the audit log.
pub struct AuditService {
    ports: AuditPorts,
}

impl AuditService {
    /// Creates a service over these ports.
    pub fn new(ports: AuditPorts) -> Self {
        Self { ports }
    }

    /// Lists entries, for admins.
    pub async fn list(&self, actor: &Actor, query: &AuditQuery) -> Result<Listing<AuditEntry>, Error> {
        if !actor.is_admin() {
            return Err(Error::Forbidden);
        }
        Ok(self.ports.log.list(query).await?)
    }
}
