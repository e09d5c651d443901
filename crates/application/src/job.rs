//! Background jobs, for admins.

use std::sync::Arc;

use entrepot_domain::{
    JobId, Listing,
    auth::Actor,
    job::{Job, JobError, JobQuery, JobRepository, JobSummary},
};

use crate::{Error, permission::require_session};

/// The ports that [`JobService`] holds.
pub struct JobPorts {
    /// The jobs. The worker uses a separate port.
    pub jobs: Arc<dyn JobRepository>,
}

/// Background jobs, for admins who have logged in.
pub struct JobService {
    ports: JobPorts,
}

impl JobService {
    /// Creates a service over these ports.
    pub fn new(ports: JobPorts) -> Self {
        Self { ports }
    }

    /// Lists jobs.
    pub async fn list(&self, actor: &Actor, query: &JobQuery) -> Result<Listing<Job>, Error> {
        must_be_admin(actor)?;
        Ok(self.ports.jobs.list(query).await?)
    }

    /// Returns a job.
    pub async fn get(&self, actor: &Actor, id: JobId) -> Result<Job, Error> {
        must_be_admin(actor)?;
        self.ports.jobs.find(id).await?.ok_or(Error::NotFound)
    }

    /// Counts the jobs of each kind and status.
    pub async fn summary(&self, actor: &Actor) -> Result<JobSummary, Error> {
        must_be_admin(actor)?;
        Ok(self.ports.jobs.summary().await?)
    }

    /// Makes a job due at once, even a dead one. Fails with [`Error::JobOver`] if it succeeded or was cancelled.
    pub async fn retry(&self, actor: &Actor, id: JobId) -> Result<Job, Error> {
        must_be_admin(actor)?;
        self.ports.jobs.retry(id).await.map_err(explain)?;
        self.get(actor, id).await
    }

    /// Cancels a job that waits or runs. Fails with [`Error::JobOver`] for others.
    pub async fn cancel(&self, actor: &Actor, id: JobId) -> Result<Job, Error> {
        must_be_admin(actor)?;
        self.ports.jobs.cancel(id).await.map_err(explain)?;
        self.get(actor, id).await
    }
}

fn must_be_admin(actor: &Actor) -> Result<(), Error> {
    require_session(actor)?;
    if actor.is_admin() { Ok(()) } else { Err(Error::Forbidden) }
}

fn explain(error: JobError) -> Error {
    match error {
        JobError::NotFound => Error::NotFound,
        JobError::Over(over) => Error::JobOver(over.0),
        JobError::Queued => Error::JobQueued,
        JobError::Fault(fault) => Error::Fault(fault),
    }
}
