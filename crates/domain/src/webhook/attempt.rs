//! Attempts at a delivery, and what follows from them.

use std::time::Duration;

use crate::{Timestamp, job::ErrorText};

/// How long a delivery waits after each failure. After one more it is dead.
pub const RETRY_DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// The longest time for which a receiver may put off the next attempt.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How many bytes of an answer are kept.
pub const MAX_RESPONSE_BYTES: usize = 1_024;

/// An attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    pub at: Timestamp,
    /// The status of the answer; `None` without one.
    pub status: Option<u16>,
    pub duration: Duration,
    /// Why it failed, where the status does not tell.
    pub error: Option<ErrorText>,
    /// The beginning of the answer.
    pub response: Option<ResponseText>,
}

/// The beginning of an answer, if it is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseText(String);

impl ResponseText {
    /// Keeps the beginning of an answer; `None` if it is empty or no text in UTF-8.
    pub fn new(answer: &[u8]) -> Option<Self> {
        let start = answer.get(..MAX_RESPONSE_BYTES).unwrap_or(answer);
        let text = match str::from_utf8(start) {
            Ok(text) => text,
            // It was cut within a character.
            Err(error) if error.error_len().is_none() => str::from_utf8(start.get(..error.valid_up_to())?).ok()?,
            Err(_) => return None,
        };
        let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c };
        (!text.is_empty()).then(|| Self(text.chars().map(plain).collect()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    Succeeded,
    Failed,
    /// The receiver wants no more deliveries.
    Gone,
}

impl AttemptResult {
    /// The result of an attempt with this status; `None` is no answer.
    pub const fn of(status: Option<u16>) -> Self {
        match status {
            Some(200..=299) => Self::Succeeded,
            Some(410) => Self::Gone,
            _ => Self::Failed,
        }
    }

    /// Decides what becomes of a delivery that has failed so often before. `retry_after` is what the receiver asks for,
    /// and `random` is evenly distributed over all numbers.
    pub fn next(self, failures: u32, retry_after: Option<Duration>, random: u32) -> NextStep {
        let delay = usize::try_from(failures).ok().and_then(|failures| RETRY_DELAYS.get(failures));
        match (self, delay) {
            (Self::Succeeded, _) => NextStep::Succeeded,
            (Self::Failed, Some(delay)) => {
                let jittered = delay.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX));
                let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
                NextStep::Retry { after: jittered.max(asked) }
            }
            (Self::Failed, None) | (Self::Gone, _) => NextStep::Dead,
        }
    }
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    Succeeded,
    Retry { after: Duration },
    Dead,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn status_says_what_came_of_it() {
        for status in [200, 202, 204, 299] {
            assert_eq!(AttemptResult::of(Some(status)), AttemptResult::Succeeded);
        }
        for status in [None, Some(100), Some(199), Some(301), Some(302), Some(400), Some(429), Some(503)] {
            assert_eq!(AttemptResult::of(status), AttemptResult::Failed, "{status:?}");
        }
        assert_eq!(AttemptResult::of(Some(410)), AttemptResult::Gone);
    }

    #[test]
    fn delivery_is_dead_after_ten_failures() {
        let middle = u32::MAX / 2;
        let waits: Vec<_> = (0..11)
            .map(|failures| match AttemptResult::Failed.next(failures, None, middle) {
                NextStep::Retry { after } => Some((after.as_secs_f64() / 5.0).round() * 5.0),
                _ => None,
            })
            .collect();
        let expected = [5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0];
        assert_eq!(waits, expected.into_iter().map(Some).chain([None, None]).collect::<Vec<_>>());
        assert_eq!(AttemptResult::Failed.next(u32::MAX, None, 0), NextStep::Dead);
        assert_eq!(AttemptResult::Gone.next(0, None, 0), NextStep::Dead);
        assert_eq!(AttemptResult::Succeeded.next(20, None, 0), NextStep::Succeeded);
    }

    #[test]
    fn receiver_may_ask_for_more_time_but_not_for_ever() {
        let wait = |asked| AttemptResult::Failed.next(0, Some(Duration::from_secs(asked)), 0);
        assert_eq!(wait(1), NextStep::Retry { after: Duration::from_secs(4) });
        assert_eq!(wait(90), NextStep::Retry { after: Duration::from_secs(90) });
        assert_eq!(wait(1 << 40), NextStep::Retry { after: Duration::from_hours(24) });
    }

    proptest! {
        #[test]
        fn jitter_is_a_fifth_of_the_delay(place in 0..RETRY_DELAYS.len(), random: u32) {
            let failures = u32::try_from(place).unwrap();
            let NextStep::Retry { after } = AttemptResult::Failed.next(failures, None, random) else {
                return Err(TestCaseError::fail("it is not retried"));
            };
            let delay = RETRY_DELAYS[place].as_secs_f64();
            prop_assert!((delay * 0.799..=delay * 1.201).contains(&after.as_secs_f64()));
        }
    }

    #[test]
    fn beginning_of_a_text_is_kept() {
        let kept = |answer: &[u8]| ResponseText::new(answer).map(|text| text.as_str().to_owned());
        assert_eq!(kept(b""), None);
        assert_eq!(kept(b"\xff\xd8\xff"), None, "an image");
        assert_eq!(kept(b"no\0\x1b[31m\n").unwrap(), "no  [31m\n");
        assert_eq!(kept(&[b'x'; 5_000]).unwrap().len(), 1_024);
        let cut = format!("x{}", "ä".repeat(1_000));
        assert_eq!(kept(cut.as_bytes()).unwrap().len(), 1_023);
    }
}
