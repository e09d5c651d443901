//! Decisions about failed and lost jobs, and about cancelling and retrying.

use std::time::Duration;

use super::{ErrorText, Job, JobStatus, Outcome};

/// Exponential backoff between attempts: the delay doubles each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay before the second attempt.
    pub first: Duration,
    /// The maximum delay.
    pub longest: Duration,
}

impl Default for Backoff {
    /// From 5 seconds to 6 hours.
    fn default() -> Self {
        Self { first: Duration::from_secs(5), longest: Duration::from_hours(6) }
    }
}

impl Backoff {
    /// Returns the delay after this attempt, counted from 1: `first`, doubled for each earlier attempt, with a jitter
    /// of up to a fifth, so that jobs that failed together are not retried together. `random` is uniformly distributed
    /// over all values.
    pub fn after(&self, attempt: u32, random: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).filter(|_| attempt <= 32).unwrap_or(u32::MAX);
        let time = self.first.saturating_mul(doubled).min(self.longest);
        let part = 0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX);
        Duration::try_from_secs_f64(time.as_secs_f64() * part).unwrap_or(self.longest).min(self.longest)
    }
}

/// An attempt that failed.
#[allow(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    pub max_attempts: u32,
}

impl Failed {
    /// Decides the outcome: a later attempt, or the end of the job.
    pub fn outcome(self, backoff: &Backoff, random: u32, error: ErrorText) -> Outcome {
        if self.is_last() {
            Outcome::Dead { error }
        } else {
            Outcome::Retry { after: backoff.after(self.attempt, random), error }
        }
    }

    /// Decides the outcome of a job whose worker lost its lease: another attempt at once, or the end of the job.
    pub fn lost(self) -> Outcome {
        let error = ErrorText::new("the lease ran out: the worker stopped, or was too slow to renew it");
        if self.is_last() { Outcome::Dead { error } } else { Outcome::Retry { after: Duration::ZERO, error } }
    }

    const fn is_last(self) -> bool {
        self.attempt >= self.max_attempts
    }
}

/// The job has ended, with a status that does not allow the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job is {0}")]
pub struct JobOver(pub JobStatus);

impl Job {
    /// Decides whether the job can be cancelled: it must wait or run. A worker that runs it loses its lease.
    pub const fn cancel(&self) -> Result<(), JobOver> {
        if self.status.is_over() { Err(JobOver(self.status)) } else { Ok(()) }
    }

    /// Decides whether the job can be retried: a dead job is queued again, with all its attempts, a waiting job becomes
    /// due at once, and a running job is left unchanged.
    pub const fn retry(&self) -> Result<(), JobOver> {
        match self.status {
            JobStatus::Scheduled | JobStatus::Ready | JobStatus::Running | JobStatus::Dead => Ok(()),
            JobStatus::Succeeded | JobStatus::Cancelled => Err(JobOver(self.status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        JobId, Timestamp,
        job::{JobKind, Priority},
    };

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(4), longest: Duration::from_mins(10) };

    #[test]
    fn each_wait_is_twice_as_long_until_the_longest() {
        let middle = u32::MAX / 2;
        let waits: Vec<_> = (1..10).map(|attempt| BACKOFF.after(attempt, middle).as_secs_f64().round()).collect();
        assert_eq!(waits, [4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 600.0]);
        assert_eq!(BACKOFF.after(u32::MAX, u32::MAX), BACKOFF.longest);
    }

    proptest! {
        #[test]
        fn jitter_is_a_fifth_of_the_wait(attempt in 1..8_u32, random: u32) {
            let wait = BACKOFF.after(attempt, random).as_secs_f64();
            let middle = 4.0 * f64::from(1_u32 << (attempt - 1));
            prop_assert!((middle * 0.799..=middle * 1.201).contains(&wait));
        }

        #[test]
        fn no_wait_is_longer_than_the_longest(attempt: u32, random: u32) {
            prop_assert!(BACKOFF.after(attempt, random) <= BACKOFF.longest);
        }
    }

    #[test]
    fn last_failed_attempt_makes_the_job_dead() {
        let error = ErrorText::new("no route");
        let failed = |attempt| Failed { attempt, max_attempts: 3 }.outcome(&BACKOFF, 0, error.clone());
        assert!(matches!(failed(2), Outcome::Retry { after, .. } if after == Duration::from_millis(6_400)));
        assert_eq!(failed(3), Outcome::Dead { error: error.clone() });
        assert!(matches!(Failed { attempt: 1, max_attempts: 2 }.lost(), Outcome::Retry { after: Duration::ZERO, .. }));
        assert!(matches!(Failed { attempt: 2, max_attempts: 2 }.lost(), Outcome::Dead { .. }));
    }

    #[test]
    fn ended_job_is_not_cancelled_and_dead_job_is_retried() {
        use JobStatus::{Dead, Ready, Running, Scheduled};
        let may = |decide: fn(&Job) -> Result<(), JobOver>| {
            let job = |status| Job {
                id: JobId(Uuid::nil()),
                kind: JobKind::parse("a").unwrap(),
                status,
                priority: Priority::default(),
                attempt: 1,
                max_attempts: 1,
                run_at: Timestamp::default(),
                started_at: None,
                finished_at: None,
                last_error: None,
                created_at: Timestamp::default(),
            };
            JobStatus::ALL.into_iter().filter(|status| decide(&job(*status)).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(may(Job::cancel), [Scheduled, Ready, Running]);
        assert_eq!(may(Job::retry), [Scheduled, Ready, Running, Dead]);
    }
}
