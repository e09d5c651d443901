//! The status of a job.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// The status of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobStatus {
    /// Waits for its time.
    Scheduled,
    /// Waits for a worker.
    Ready,
    /// Runs on a worker.
    Running,
    /// Was done.
    Succeeded,
    /// Failed its last attempt.
    Dead,
    /// Was cancelled by an admin.
    Cancelled,
}

impl JobStatus {
    /// Every status, in the order of the life cycle.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Ready, Self::Running, Self::Succeeded, Self::Dead, Self::Cancelled];

    /// Returns the name that clients and stores use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended. Only a retry by an admin changes it afterwards.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }
}

impl FromStr for JobStatus {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| Invalid::new("must be one of scheduled, ready, running, succeeded, dead, cancelled"))
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for status in JobStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert!("must be one of scheduled, ready, running, succeeded, dead, cancelled".contains(status.as_str()));
        }
        assert!("DEAD".parse::<JobStatus>().is_err());
    }
}
