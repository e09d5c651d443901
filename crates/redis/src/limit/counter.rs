//! What this instance knows of a subject's count, and whether that decides a hit without waiting for Redis.

use std::time::{Duration, Instant};

use entrepot_domain::{Quota, RateLimitDecision};

/// For how long an answer of Redis decides further hits, counted from before the question was sent.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// Of a limit of `n`, at most `n / UNCOUNTED_SHARE` hits of a subject are let through before Redis has counted them.
pub(super) const UNCOUNTED_SHARE: u32 = 128;

/// Hits are let through before Redis has counted them only while more than `n / RESERVED_SHARE` are left.
const RESERVED_SHARE: u32 = 8;

/// What Redis answered about a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// How many hits are counted now.
    pub(super) count: u32,
    /// How long the window lasts from now.
    pub(super) left: Duration,
    /// The hit was not counted, because the limit is reached.
    pub(super) refused: bool,
}

/// How a hit is decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LocalDecision {
    /// Redis refused one a moment ago, in the same window.
    Refused(RateLimitDecision),
    /// The limit is far away. The hit is to be reported to Redis, together with others.
    Allowed {
        decision: RateLimitDecision,
        /// It is the first since the last report, so a new report must be queued.
        needs_report: bool,
    },
    /// Redis must decide.
    Ask,
}

/// The count of one subject as this instance knows it.
#[derive(Default)]
pub(super) struct Counter {
    known: Option<Known>,
    /// Hits that were let through and are not reported yet.
    unreported: u32,
    /// Hits that were let through, and whose report is not answered yet.
    reported: u32,
    /// Hits that Redis has been asked about, or is about to be, and has not answered.
    asked: u32,
}

/// The last answer of Redis.
struct Known {
    quota: Quota,
    count: u32,
    refused: bool,
    fresh_until: Instant,
    window_ends: Instant,
}

impl Counter {
    /// Decides a hit, and notes it.
    pub(super) fn hit(&mut self, quota: Quota, now: Instant) -> LocalDecision {
        let decision = self.decide(quota, now);
        match decision {
            LocalDecision::Refused(_) => {}
            LocalDecision::Allowed { .. } => self.unreported += 1,
            LocalDecision::Ask => self.asked += 1,
        }
        decision
    }

    fn decide(&self, quota: Quota, now: Instant) -> LocalDecision {
        let known = match &self.known {
            Some(known) if known.quota == quota && now < known.fresh_until => known,
            _ => return LocalDecision::Ask,
        };
        let resets_in = known.window_ends.saturating_duration_since(now);
        if known.refused {
            return LocalDecision::Refused(RateLimitDecision { allowed: false, remaining: 0, resets_in });
        }
        let pending = self.pending();
        let remaining = quota.limit.saturating_sub(known.count).saturating_sub(pending).saturating_sub(1);
        if pending < quota.limit / UNCOUNTED_SHARE && remaining > quota.limit / RESERVED_SHARE {
            let decision = RateLimitDecision { allowed: true, remaining, resets_in };
            return LocalDecision::Allowed { decision, needs_report: self.unreported == 0 };
        }
        LocalDecision::Ask
    }

    /// Hits that may not be in the count that Redis answered last.
    fn pending(&self) -> u32 {
        self.uncounted().saturating_add(self.asked)
    }

    /// Hits that were let through, and that Redis may not have counted.
    fn uncounted(&self) -> u32 {
        self.unreported.saturating_add(self.reported)
    }

    /// Takes the hits that are to be reported.
    pub(super) fn take_report(&mut self) -> u32 {
        let hits = std::mem::take(&mut self.unreported);
        self.reported = self.reported.saturating_add(hits);
        hits
    }

    /// Redis has counted reported hits.
    pub(super) fn report_counted(&mut self, hits: u32, quota: Quota, answer: Answer, sent: Instant) {
        self.reported = self.reported.saturating_sub(hits);
        self.learn(quota, answer, sent);
    }

    /// Reported hits are lost: Redis did not answer.
    pub(super) fn report_failed(&mut self, hits: u32) {
        self.reported = self.reported.saturating_sub(hits);
        self.known = None;
    }

    /// Redis has decided a hit.
    pub(super) fn hit_decided(&mut self, quota: Quota, answer: Answer, sent: Instant) -> RateLimitDecision {
        self.asked = self.asked.saturating_sub(1);
        self.learn(quota, answer, sent);
        RateLimitDecision { allowed: !answer.refused, ..self.decision(quota, answer) }
    }

    /// Redis did not decide a hit.
    pub(super) fn hit_failed(&mut self) {
        self.asked = self.asked.saturating_sub(1);
        self.known = None;
    }

    /// The state that Redis answered, less the hits that it may not have counted.
    pub(super) fn decision(&self, quota: Quota, answer: Answer) -> RateLimitDecision {
        let remaining = quota.limit.saturating_sub(answer.count).saturating_sub(self.uncounted());
        RateLimitDecision { allowed: remaining > 0, remaining, resets_in: answer.left }
    }

    fn learn(&mut self, quota: Quota, answer: Answer, sent: Instant) {
        let window_ends = sent + answer.left;
        let refused = answer.refused;
        let fresh_until = (sent + FRESH).min(window_ends);
        self.known = Some(Known { quota, count: answer.count, refused, fresh_until, window_ends });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seven hits may be uncounted, while more than 125 are left.
    const QUOTA: Quota = Quota { limit: 1_000, window: Duration::from_mins(15) };

    fn answer(count: u32) -> Answer {
        Answer { count, left: QUOTA.window, refused: false }
    }

    /// A counter that knows that so many are counted.
    fn counter(quota: Quota, count: u32, at: Instant) -> Counter {
        let mut counter = Counter::default();
        assert_eq!(counter.hit(quota, at), LocalDecision::Ask, "nothing is known");
        assert_eq!(counter.hit_decided(quota, answer(count), at).remaining, quota.limit - count);
        counter
    }

    /// How many hits are let through without Redis, at that time.
    fn allowed(counter: &mut Counter, quota: Quota, at: Instant) -> u32 {
        let mut allowed = 0;
        while let LocalDecision::Allowed { .. } = counter.hit(quota, at) {
            allowed += 1;
        }
        allowed
    }

    #[test]
    fn far_from_the_limit_a_bounded_number_of_hits_is_let_through() {
        let at = Instant::now();
        let mut counter = counter(QUOTA, 1, at);
        for n in 1..=7 {
            let LocalDecision::Allowed { decision, needs_report } = counter.hit(QUOTA, at) else { panic!("{n}") };
            assert_eq!((decision.remaining, needs_report), (999 - n, n == 1));
        }
        assert_eq!(counter.hit(QUOTA, at), LocalDecision::Ask);
        assert_eq!(counter.take_report(), 7);
        assert_eq!(counter.hit(QUOTA, at), LocalDecision::Ask, "the report is not answered");
        counter.report_counted(7, QUOTA, answer(8), at);
        assert_eq!(allowed(&mut counter, QUOTA, at), 5, "two that Redis was asked about are not answered");
    }

    #[test]
    fn near_the_limit_redis_decides() {
        let at = Instant::now();
        assert_eq!(allowed(&mut counter(QUOTA, 873, at), QUOTA, at), 1);
        assert_eq!(allowed(&mut counter(QUOTA, 874, at), QUOTA, at), 0);
    }

    #[test]
    fn small_limits_are_always_decided_by_redis() {
        let at = Instant::now();
        for (limit, expected) in [(5, 0), (100, 0), (127, 0), (128, 1)] {
            let quota = Quota { limit, ..QUOTA };
            assert_eq!(allowed(&mut counter(quota, 1, at), quota, at), expected, "{limit}");
        }
    }

    #[test]
    fn old_answer_decides_nothing() {
        let at = Instant::now();
        assert_eq!(allowed(&mut counter(QUOTA, 1, at), QUOTA, at + FRESH), 0);
        let mut counter = counter(QUOTA, 1, at);
        assert_eq!(allowed(&mut counter, Quota { limit: 999, ..QUOTA }, at), 0, "another quota");
        counter.learn(QUOTA, Answer { left: FRESH / 2, ..answer(1) }, at);
        assert_eq!(allowed(&mut counter, QUOTA, at + FRESH / 2), 0, "another window");
    }

    #[test]
    fn refusal_is_repeated_while_fresh_and_in_its_window() {
        let at = Instant::now();
        let mut counter = counter(QUOTA, 1_000, at);
        assert_eq!(counter.hit(QUOTA, at), LocalDecision::Ask);
        assert!(!counter.hit_decided(QUOTA, Answer { refused: true, ..answer(1_000) }, at).allowed);
        let later = at + Duration::from_millis(999);
        let LocalDecision::Refused(decision) = counter.hit(QUOTA, later) else { panic!() };
        assert!(!decision.allowed && decision.remaining == 0);
        assert_eq!(decision.resets_in, QUOTA.window.saturating_sub(Duration::from_millis(999)));
        assert_eq!(counter.hit(Quota { limit: 1_001, ..QUOTA }, later), LocalDecision::Ask);
        assert_eq!(counter.hit(QUOTA, at + FRESH), LocalDecision::Ask);
    }

    #[test]
    fn uncounted_hits_are_not_remaining() {
        let at = Instant::now();
        let mut counter = counter(QUOTA, 1, at);
        counter.hit(QUOTA, at);
        assert_eq!(counter.decision(QUOTA, answer(1)).remaining, 998);
        counter.take_report();
        assert_eq!(counter.decision(QUOTA, answer(1)).remaining, 998);
        counter.report_counted(1, QUOTA, answer(2), at);
        assert_eq!(counter.decision(QUOTA, answer(2)).remaining, 998);
    }

    #[test]
    fn after_a_failure_redis_decides() {
        let at = Instant::now();
        let mut counter = counter(QUOTA, 1, at);
        counter.hit(QUOTA, at);
        let hits = counter.take_report();
        counter.report_failed(hits);
        assert_eq!(counter.hit(QUOTA, at), LocalDecision::Ask);
        counter.hit_failed();
        assert_eq!(counter.pending(), 0);
    }
}
