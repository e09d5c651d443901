//! Metrics.

use std::time::Duration;

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only increases, from zero at the start of the process.
    Counter,
    /// It increases and decreases.
    Gauge,
}

/// The present value of a metric.
///
/// Names and labels are constants in the program and never come from a client, so there are few of them, and none is an
/// identifier. They follow Prometheus: letters, digits and `_`, the unit at the end (`_seconds`, `_bytes`), followed by
/// `_total` for a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// All samples of one name have the same help, kind and label names.
    pub name: &'static str,
    /// One sentence for operators.
    pub help: &'static str,
    pub kind: MetricKind,
    /// Names and values of the labels.
    pub labels: Vec<(&'static str, &'static str)>,
    pub value: f64,
}

impl Sample {
    /// A counter.
    pub fn counter(name: &'static str, help: &'static str, count: impl TryInto<u64>) -> Self {
        Self { name, help, kind: MetricKind::Counter, labels: Vec::new(), value: number(count) }
    }

    /// A gauge.
    pub fn gauge(name: &'static str, help: &'static str, count: impl TryInto<u64>) -> Self {
        Self { kind: MetricKind::Gauge, ..Self::counter(name, help, count) }
    }

    /// A counter of seconds.
    pub fn seconds(name: &'static str, help: &'static str, time: Duration) -> Self {
        Self { value: time.as_secs_f64(), ..Self::counter(name, help, 0_u8) }
    }

    /// Adds a label.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: &'static str) -> Self {
        self.labels.push((label, value));
        self
    }
}

/// Converts a count: exact up to 2⁵³, rounded above. A value out of range becomes the maximum.
fn number(count: impl TryInto<u64>) -> f64 {
    let count = count.try_into().unwrap_or(u64::MAX);
    let half = |bits: u64| f64::from(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(u32::MAX));
    half(count >> 32) * 4_294_967_296.0 + half(count)
}

/// A component with metrics. The endpoint for metrics collects them from all components.
pub trait MetricSource: Send + Sync {
    /// Returns the present values. Called every few seconds; reads counters only, and does not block.
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
