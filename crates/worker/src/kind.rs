//! The trait of a kind of jobs, and its settings and results.

use std::time::Duration;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Invalid, JobId,
    job::{Backoff, ErrorText, JobKind, NewJob, Payload, Priority, UniqueKey},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::trace;

/// A kind of jobs. Each is declared in one file and added in one line of the composition root.
#[async_trait]
pub trait Kind: Send + Sync + 'static {
    /// The name of the kind. It never changes, since queued jobs are stored with it.
    const NAME: &'static str;

    /// The version of the payload. Increase it when an older program could no longer read the payload, and let
    /// [`read`](Self::read) accept the earlier versions: jobs outlive the program that queued them.
    const VERSION: u16 = 1;

    /// The input of a job.
    type Payload: Serialize + DeserializeOwned + Send + 'static;

    /// Returns the settings with which jobs of this kind run.
    fn settings(&self) -> KindSettings {
        KindSettings::default()
    }

    /// Reads a payload of this version or of an earlier one.
    fn read(version: u16, text: &str) -> Result<Self::Payload, Failure> {
        if version != Self::VERSION {
            return Err(Failure::later("its payload is of a version that this program does not know"));
        }
        // The error of serde may quote what it read.
        serde_json::from_str(text).map_err(|_| Failure::fatal("its payload cannot be read"))
    }

    /// Runs a job. A job may run more than once, so this must be idempotent. The future is dropped at the deadline of
    /// the job, when its lease is lost, and when the shutdown time-out elapses.
    async fn run(&self, payload: Self::Payload, attempt: Attempt) -> Result<Done, Failure>;
}

/// The settings of a kind.
#[derive(Debug, Clone, Copy)]
pub struct KindSettings {
    /// The maximum number of jobs that run at once in this process.
    pub concurrency: u32,
    /// The maximum duration of an attempt.
    pub deadline: Duration,
    /// The maximum number of attempts.
    pub max_attempts: u32,
    /// The delays between attempts.
    pub backoff: Backoff,
    /// The schedule of recurring jobs: a cron pattern of six fields, seconds first, in UTC. The payload must be `()`.
    pub schedule: Option<&'static str>,
}

impl Default for KindSettings {
    /// Eight jobs at once, 30 seconds each, ten attempts.
    fn default() -> Self {
        Self {
            concurrency: 8,
            deadline: Duration::from_secs(30),
            max_attempts: 10,
            backoff: Backoff::default(),
            schedule: None,
        }
    }
}

/// An attempt at a job.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// The number of the attempt, from 1.
    pub number: u32,
}

/// The result of an attempt that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The job was done.
    Succeeded,
    /// There was nothing to do; the job is deleted from the queue.
    Nothing,
}

/// The reason why an attempt failed. Admins see its text, which must not contain a payload, address or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) error: ErrorText,
    pub(crate) is_final: bool,
}

impl Failure {
    /// A failure after which another attempt may succeed.
    pub fn later(why: &str) -> Self {
        Self { error: ErrorText::new(why), is_final: false }
    }

    /// A failure after which no other attempt can succeed.
    pub fn fatal(why: &str) -> Self {
        Self { error: ErrorText::new(why), is_final: true }
    }
}

impl From<Fault> for Failure {
    /// The source of the fault is only logged.
    fn from(fault: Fault) -> Self {
        let failure = Self::later(&fault.to_string());
        match fault {
            Fault::Unavailable { source, .. } | Fault::Unknown(source) => {
                tracing::warn!(error = format!("{source:#}"), "a fault in a job");
            }
        }
        failure
    }
}

/// Creates a job of this kind, in the current trace.
pub fn new_job<K: Kind>(
    kind: &K,
    id: JobId,
    payload: &K::Payload,
    unique: Option<UniqueKey>,
) -> Result<NewJob, Invalid> {
    new_job_of::<K>(&kind.settings(), id, payload, unique)
}

/// The same for a kind whose settings are known without it: a process may queue jobs that it does not run.
pub(crate) fn new_job_of<K: Kind>(
    settings: &KindSettings,
    id: JobId,
    payload: &K::Payload,
    unique: Option<UniqueKey>,
) -> Result<NewJob, Invalid> {
    let text = serde_json::to_string(payload).map_err(|why| Invalid::new(why.to_string()))?;
    Ok(NewJob {
        id,
        kind: JobKind::parse(K::NAME)?,
        payload: Payload { version: K::VERSION, text },
        priority: Priority::default(),
        delay: Duration::ZERO,
        max_attempts: settings.max_attempts,
        unique,
        trace: trace::current(),
    })
}
