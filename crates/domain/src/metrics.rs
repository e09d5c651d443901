//! Numbers that operators watch.

use std::time::Duration;

/// How a number moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A number as it is now.
///
/// Names and labels are written in the program, never taken from what a client sent: so there are few of them, and none
/// is an identifier. They are those of Prometheus: letters, digits and `_`, the unit at the end (`_seconds`, `_bytes`),
/// and behind it `_total` if it is a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What it is called. All samples of one name have the same help, kind and names of labels.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub help: &'static str,
    /// How it moves.
    pub kind: MetricKind,
    /// Names and values that tell it from other samples of its name.
    pub labels: Vec<(&'static str, &'static str)>,
    /// How much it is.
    pub value: f64,
}

impl Sample {
    /// How often something happened.
    pub fn counter(name: &'static str, help: &'static str, count: impl TryInto<u64>) -> Self {
        Self { name, help, kind: MetricKind::Counter, labels: Vec::new(), value: number(count) }
    }

    /// How much of something there is.
    pub fn gauge(name: &'static str, help: &'static str, count: impl TryInto<u64>) -> Self {
        Self { kind: MetricKind::Gauge, ..Self::counter(name, help, count) }
    }

    /// How much time something took until now, in seconds.
    pub fn seconds(name: &'static str, help: &'static str, time: Duration) -> Self {
        Self { value: time.as_secs_f64(), ..Self::counter(name, help, 0_u8) }
    }

    /// The same with one more label.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: &'static str) -> Self {
        self.labels.push((label, value));
        self
    }
}

/// Exact up to 2⁵³, and as near as can be above. What does not fit is as much as does.
fn number(count: impl TryInto<u64>) -> f64 {
    let count = count.try_into().unwrap_or(u64::MAX);
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(count >> 32) * 4_294_967_296.0 + half(count)
}

/// Something that knows numbers which operators watch: adapters tell of themselves, and whoever is asked for all numbers
/// asks each.
pub trait MetricSource: Send + Sync {
    /// The numbers as they are now. Asked every few seconds by whoever watches; takes no longer than a look at some
    /// counters, and waits for nobody.
    fn samples(&self) -> Vec<Sample>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_up_to_2_to_the_53() {
        let value = |count: u64| Sample::counter("a_total", "A.", count).value;
        for (count, expected) in
            [(0, 0.0), (1, 1.0), (u64::from(u32::MAX) + 1, 4_294_967_296.0), ((1 << 53) - 1, 9_007_199_254_740_991.0)]
        {
            assert!((value(count) - expected).abs() < f64::EPSILON, "{count}");
        }
        assert!(value(u64::MAX) >= value(u64::MAX - 1));
        assert!((Sample::gauge("a", "A.", -1).value - value(u64::MAX)).abs() < 1.0, "what does not fit");
    }
}
