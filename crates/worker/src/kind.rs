//! Kinds of jobs: what is written for each.

use std::time::Duration;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Invalid, JobId,
    job::{Backoff, ErrorText, JobKind, NewJob, Payload, Priority, UniqueKey},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::trace;

/// A kind of jobs. One file declares it, and a line in the composition root adds it.
#[async_trait]
pub trait Kind: Send + Sync + 'static {
    /// Its name, which never changes: queued jobs bear it.
    const NAME: &'static str;

    /// The version of its payload. Raise it when an older program could not read the payload any more, and teach
    /// [`read`](Self::read) the versions before: jobs outlive the program that queued them.
    const VERSION: u16 = 1;

    /// What a job is about.
    type Payload: Serialize + DeserializeOwned + Send + 'static;

    /// How its jobs are run.
    fn settings(&self) -> KindSettings {
        KindSettings::default()
    }

    /// Reads a payload of this version or of one before.
    fn read(version: u16, text: &str) -> Result<Self::Payload, Failure> {
        if version != Self::VERSION {
            return Err(Failure::later("its payload is of a version that this program does not know"));
        }
        // The error of serde may quote what it read.
        serde_json::from_str(text).map_err(|_| Failure::fatal("its payload cannot be read"))
    }

    /// Does a job. It may be done more than once, so a second time must do no harm. Dropped at its deadline, when its
    /// lease is lost, and when the program may wait no longer for its end.
    async fn run(&self, payload: Self::Payload, attempt: Attempt) -> Result<Done, Failure>;
}

/// How the jobs of a kind are run.
#[derive(Debug, Clone, Copy)]
pub struct KindSettings {
    /// How many at once, in this process.
    pub concurrency: u32,
    /// How long one may take.
    pub deadline: Duration,
    /// How often one is begun before it is dead.
    pub max_attempts: u32,
    /// How long one that failed waits.
    pub backoff: Backoff,
    /// When one is queued by itself: a cron pattern of six fields, seconds first, in UTC. Its payload must be `()`.
    pub schedule: Option<&'static str>,
}

impl Default for KindSettings {
    /// Eight at once, half a minute each, ten attempts.
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

/// Which attempt at a job this is.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// From 1 on.
    pub number: u32,
}

/// What came of a job that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It did something.
    Succeeded,
    /// There was nothing to do, and nobody needs to know that it ran.
    Nothing,
}

/// Why a job failed. Admins see the words: no payload, address or token is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) error: ErrorText,
    pub(crate) is_final: bool,
}

impl Failure {
    /// Another try may succeed.
    pub fn later(why: &str) -> Self {
        Self { error: ErrorText::new(why), is_final: false }
    }

    /// No other try will succeed.
    pub fn fatal(why: &str) -> Self {
        Self { error: ErrorText::new(why), is_final: true }
    }
}

impl From<Fault> for Failure {
    /// What is inside of the fault is for the log alone.
    fn from(fault: Fault) -> Self {
        let failure = Self::later(&fault.to_string());
        match fault {
            Fault::Unavailable { source, .. } | Fault::Unknown(source) => {
                tracing::warn!(error = format!("{source:#}"), "a job met a fault");
            }
        }
        failure
    }
}

/// A job of this kind, to be queued: it belongs to the trace that runs now.
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
