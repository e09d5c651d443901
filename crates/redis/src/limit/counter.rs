//! What an instance knows of a subject without asking.

use std::time::{Duration, Instant};

use entrepot_domain::{Quota, Verdict};

/// For how long an answer is good enough to decide the next hits by, counted from before the question was sent.
pub(super) const FRESH: Duration = Duration::from_millis(1);

/// For how long hits that were taken in advance are kept for this instance, counted from the answer, and anew from every
/// hit of a subject that is seen all the time. They are counted already, so this is no matter of truth, but of how long
/// others go without what is not used here.
pub(super) const KEPT: Duration = Duration::from_millis(20);

/// What Redis said of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether the hit was counted, or one would be.
    pub(super) allowed: bool,
    /// How many are counted now, with what was taken in advance.
    pub(super) count: u32,
    /// How long the window lasts.
    pub(super) left: Duration,
    /// How many more were counted in advance, for this instance to use.
    pub(super) granted: u32,
}

/// How to ask Redis.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) sent: Instant,
    /// Whether a hit is to be counted, or only some taken in advance.
    pub(super) hit: bool,
    /// Hits that were taken in advance and not used.
    pub(super) back: Back,
    /// Whether to take some in advance.
    pub(super) ahead: bool,
}

/// Hits to be given back to the window that they were taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Back {
    pub(super) hits: u32,
    /// How long that window lasted when they were taken. A later window lasts longer.
    pub(super) left: Duration,
}

/// A hit, as far as it can be decided.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is decided.
    Decided(Verdict),
    /// It is decided, and Redis is to be asked for more meanwhile: whoever came when nothing is left would have to wait.
    Low(Verdict, Question),
    /// Redis is to be asked.
    Ask(Question),
}

/// A subject that was seen lately.
#[derive(Default)]
pub(super) struct Counter {
    last: Option<Known>,
    /// When it was seen last.
    seen: Option<Instant>,
    /// Whether some are being taken in advance.
    taking: bool,
    /// Whether somebody looks after those that are not used.
    settling: bool,
}

/// What was last answered.
struct Known {
    quota: Quota,
    fresh: Instant,
    /// Until when what was taken in advance may be used.
    kept: Instant,
    ends: Instant,
    left: Duration,
    /// What the shared count leaves, without what this instance has taken in advance.
    rest: u32,
    /// What it has taken, and not used.
    ahead: u32,
    /// With less than so many not used, more is taken.
    low: u32,
    refused: bool,
}

impl Counter {
    /// A hit: decided by what was taken in advance, or by a refusal that is fresh, or for Redis to decide.
    pub(super) fn hit(&mut self, quota: Quota, now: Instant) -> Step {
        // Only a subject that is seen all the time is worth it; the hits of a person are counted one by one.
        let hot = self.seen.replace(now).is_some_and(|seen| now.saturating_duration_since(seen) < FRESH);
        if let Some(known) = self.last.as_mut().filter(|known| known.quota == quota) {
            if known.ahead > 0 && now < known.kept {
                known.ahead -= 1;
                if hot {
                    known.kept = (now + KEPT).min(known.ends);
                }
                let verdict = known.verdict(true, now);
                if known.ahead >= known.low || self.taking {
                    return Step::Decided(verdict);
                }
                self.taking = true;
                return Step::Low(verdict, Question { sent: now, hit: false, back: Back::default(), ahead: true });
            }
            if known.refused && now < known.fresh {
                return Step::Decided(known.verdict(false, now));
            }
        }
        let back = self.take_back(now);
        let ahead = hot && !self.taking;
        self.taking |= ahead;
        Step::Ask(Question { sent: now, hit: true, back, ahead })
    }

    /// What was taken in advance and is too old to be used, if its window is not over.
    fn take_back(&mut self, now: Instant) -> Back {
        match &mut self.last {
            Some(known) if known.ahead > 0 => {
                let hits = std::mem::take(&mut known.ahead);
                if now < known.ends { Back { hits, left: known.left } } else { Back::default() }
            }
            _ => Back::default(),
        }
    }

    /// Whether somebody has to look after what was taken in advance: what is not used in time has to be given back. Who
    /// is told so is to do it, and nobody else is told until it is done.
    pub(super) fn begin_to_settle(&mut self) -> bool {
        let nobody_does = !self.settling && self.ahead() > 0;
        self.settling |= nobody_does;
        nobody_does
    }

    /// What was taken in advance and is to be given back; or until when it may be used, if it still may: then it is to be
    /// looked after again.
    pub(super) fn settle(&mut self, now: Instant) -> Result<Back, Instant> {
        match &self.last {
            Some(known) if known.ahead > 0 && now < known.kept => Err(known.kept),
            _ => {
                self.settling = false;
                Ok(self.take_back(now))
            }
        }
    }

    /// Learns what Redis has answered just now.
    pub(super) fn learn(&mut self, quota: Quota, question: &Question, answer: Answer, now: Instant) -> Verdict {
        if question.ahead {
            self.taking = false;
        }
        let ends = question.sent + answer.left;
        // Another question may have brought some meanwhile. They belong to their window: the next one ends much later.
        let other = self.last.as_ref().filter(|known| ends < known.ends + quota.window / 2);
        let (ahead, kept, low) = other.map_or((0, now, 0), |known| (known.ahead, known.kept, known.low));
        // An answer that brings none is no reason to keep the others for longer.
        let kept = if answer.granted > 0 { now + KEPT } else { kept };
        let known = Known {
            quota,
            fresh: (question.sent + FRESH).min(ends),
            kept: kept.min(ends),
            ends,
            left: answer.left,
            rest: quota.limit.saturating_sub(answer.count),
            ahead: ahead + answer.granted,
            low: if question.ahead { answer.granted / 2 } else { low },
            refused: !answer.allowed,
        };
        let verdict = Verdict { resets_in: answer.left, ..known.verdict(answer.allowed, question.sent) };
        self.last = Some(known);
        verdict
    }

    /// Learns that Redis did not answer.
    pub(super) fn give_up(&mut self, question: &Question) {
        if question.ahead {
            self.taking = false;
        }
    }

    /// How many this instance may still use without asking.
    pub(super) fn ahead(&self) -> u32 {
        self.last.as_ref().map_or(0, |known| known.ahead)
    }
}

impl Known {
    fn verdict(&self, allowed: bool, now: Instant) -> Verdict {
        let resets_in = self.ends.saturating_duration_since(now);
        Verdict { allowed, remaining: if allowed { self.rest.saturating_add(self.ahead) } else { 0 }, resets_in }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { limit: 10_000, window: Duration::from_mins(15) };

    fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    fn ask(counter: &mut Counter, now: Instant) -> Question {
        match counter.hit(QUOTA, now) {
            Step::Ask(question) => question,
            decided => panic!("{decided:?}"),
        }
    }

    fn decided(counter: &mut Counter, now: Instant) -> Verdict {
        match counter.hit(QUOTA, now) {
            Step::Decided(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    fn low(counter: &mut Counter, now: Instant) -> Question {
        match counter.hit(QUOTA, now) {
            Step::Low(verdict, question) if verdict.allowed => question,
            other => panic!("{other:?}"),
        }
    }

    fn answer(count: u32, granted: u32) -> Answer {
        Answer { allowed: true, count, left: QUOTA.window, granted }
    }

    /// A counter that took ten in advance at that time, with the verdict of the hit that did.
    fn hot(at: Instant) -> (Counter, Verdict) {
        let mut counter = Counter::default();
        let first = ask(&mut counter, at);
        counter.learn(QUOTA, &first, answer(1, 0), at);
        let second = ask(&mut counter, at + micros(100));
        assert!(second.ahead && !ask(&mut counter, at + micros(200)).ahead);
        let verdict = counter.learn(QUOTA, &second, answer(12, 10), at + micros(200));
        (counter, verdict)
    }

    #[test]
    fn slow_hits_are_counted_one_by_one() {
        let (mut counter, at) = (Counter::default(), Instant::now());
        for n in 0..5 {
            let question = ask(&mut counter, at + FRESH * n);
            assert!(!question.ahead && question.back.hits == 0);
            let verdict = counter.learn(QUOTA, &question, answer(n + 1, 0), at + FRESH * n);
            assert_eq!((verdict.remaining, verdict.resets_in), (9_999 - n, QUOTA.window));
        }
    }

    #[test]
    fn what_was_taken_in_advance_is_used_and_counted_down() {
        let at = Instant::now();
        let (mut counter, verdict) = hot(at);
        assert_eq!(verdict.remaining, 9_998);
        for n in 1..=5 {
            assert_eq!(decided(&mut counter, at + micros(300)).remaining, 9_998 - n);
        }
        assert!(low(&mut counter, at + micros(300)).ahead);
        for n in 7..=10 {
            assert_eq!(decided(&mut counter, at + micros(300)).remaining, 9_998 - n);
        }
        assert!(!ask(&mut counter, at + micros(300)).ahead, "more is being taken already");
    }

    #[test]
    fn before_all_is_used_more_is_taken_and_nobody_waits() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        for _ in 0..5 {
            decided(&mut counter, at + micros(300));
        }
        let question = low(&mut counter, at + micros(300));
        assert!(!question.hit && question.back.hits == 0);
        decided(&mut counter, at + micros(400));
        counter.learn(QUOTA, &question, answer(22, 10), at + micros(500));
        assert_eq!(counter.ahead(), 13, "three that were left and ten that came");
        assert_eq!(decided(&mut counter, at + micros(600)).remaining, 9_990);
        let back = counter.settle(at + KEPT + micros(600)).map(|back| back.hits);
        assert_eq!(back, Ok(12), "all of them are kept from the last hit on");
    }

    #[test]
    fn where_no_more_is_to_be_had_nobody_asks_again() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        for _ in 0..5 {
            decided(&mut counter, at + micros(300));
        }
        let question = low(&mut counter, at + micros(300));
        counter.learn(QUOTA, &question, answer(9_001, 0), at + micros(400));
        for _ in 0..4 {
            decided(&mut counter, at + micros(500));
        }
        assert!(ask(&mut counter, at + micros(500)).hit);
    }

    /// However long the answer took.
    #[test]
    fn what_was_taken_in_advance_is_kept_from_the_answer_on() {
        let at = Instant::now();
        let mut counter = Counter::default();
        ask(&mut counter, at);
        let ahead = ask(&mut counter, at + micros(100));
        let answered = at + FRESH * 5;
        counter.learn(QUOTA, &ahead, answer(12, 10), answered);
        decided(&mut counter, answered + KEPT / 2);
        assert_eq!(ask(&mut counter, answered + KEPT).back.hits, 9, "a hit now and then does not lengthen it");
    }

    #[test]
    fn whoever_is_seen_all_the_time_keeps_what_was_taken() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        let mut now = at + micros(200);
        for _ in 0..5 {
            now += FRESH / 2;
            decided(&mut counter, now);
        }
        assert_eq!(counter.settle(now + KEPT / 2), Err(now + KEPT));
    }

    #[test]
    fn what_was_not_used_is_given_back_once() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        decided(&mut counter, at + micros(300));
        assert!(counter.begin_to_settle() && !counter.begin_to_settle());
        let kept = at + KEPT + micros(300);
        assert_eq!(counter.settle(at + KEPT + micros(200)), Err(kept), "from the last hit on");
        assert_eq!(counter.settle(kept), Ok(Back { hits: 9, left: QUOTA.window }));
        assert_eq!(counter.settle(kept), Ok(Back::default()));
        assert!(!counter.begin_to_settle(), "nothing is left");

        let (mut counter, _) = hot(at);
        assert_eq!(ask(&mut counter, at + KEPT + micros(200)).back.hits, 10);
        assert_eq!(counter.settle(at + KEPT + micros(300)), Ok(Back::default()));
    }

    #[test]
    fn an_answer_that_brings_none_does_not_lengthen_the_time_of_others() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        let late = Question { sent: at + micros(150), hit: true, back: Back::default(), ahead: false };
        counter.learn(QUOTA, &late, answer(13, 0), at + KEPT / 2);
        assert_eq!(counter.settle(at + KEPT + micros(200)).map(|back| back.hits), Ok(10));
    }

    #[test]
    fn nothing_is_given_back_to_another_window() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        assert_eq!(ask(&mut counter, at + QUOTA.window * 2).back, Back::default());
    }

    #[test]
    fn nothing_is_carried_into_another_window() {
        let at = Instant::now();
        let (mut counter, _) = hot(at);
        let late = Question { sent: at + micros(300), hit: true, back: Back::default(), ahead: false };
        counter.learn(QUOTA, &late, answer(13, 0), at + micros(300));
        assert_eq!(counter.ahead(), 10);
        let next = Question { sent: at + QUOTA.window + micros(1), ..late };
        counter.learn(QUOTA, &next, answer(1, 0), next.sent);
        assert_eq!(counter.ahead(), 0);
    }

    #[test]
    fn a_refusal_holds_for_a_moment_and_for_this_quota() {
        let (mut counter, at) = (Counter::default(), Instant::now());
        let question = ask(&mut counter, at);
        counter.learn(QUOTA, &question, Answer { allowed: false, ..answer(10_000, 0) }, at);
        assert!(!decided(&mut counter, at + micros(999)).allowed);
        assert!(matches!(counter.hit(Quota { limit: 10_001, ..QUOTA }, at + micros(999)), Step::Ask(_)));
        ask(&mut counter, at + FRESH);
    }

    #[test]
    fn a_question_that_failed_lets_another_take_in_advance() {
        let (mut counter, at) = (Counter::default(), Instant::now());
        ask(&mut counter, at);
        let failed = ask(&mut counter, at);
        assert!(failed.ahead);
        counter.give_up(&failed);
        assert!(ask(&mut counter, at).ahead);
    }
}
