//! The text format of Prometheus (version 0.0.4), for the samples of other crates.

use std::{collections::BTreeMap, io::Write};

use entrepot_domain::{MetricKind, Sample};

/// Writes the samples, grouped by name as the format requires.
pub(super) fn write(text: &mut Vec<u8>, samples: impl IntoIterator<Item = Sample>) {
    let mut families: BTreeMap<&str, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        families.entry(sample.name).or_default().push(sample);
    }
    for (name, samples) in families {
        let Some(Sample { help, kind, .. }) = samples.first() else { continue };
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
        };
        // Writing to a vector does not fail.
        write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").ok();
        for Sample { labels, value, .. } in &samples {
            let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            writeln!(text, "{name}{labels} {value}").ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn samples_are_grouped_by_name() {
        let mut text = Vec::new();
        let of = |what| Sample::counter("reads_total", "What was read.", 7_u8).with("of", what).with("by", "me");
        let waited = Sample::seconds("wait_seconds_total", "Time.", Duration::from_millis(1_500));
        write(&mut text, [of("a"), Sample::gauge("open", "What is open.", 1_000_000), of("b"), waited]);
        let expected = "# HELP open What is open.\n# TYPE open gauge\nopen 1000000\n\
            # HELP reads_total What was read.\n# TYPE reads_total counter\n\
            reads_total{of=\"a\",by=\"me\"} 7\nreads_total{of=\"b\",by=\"me\"} 7\n\
            # HELP wait_seconds_total Time.\n# TYPE wait_seconds_total counter\nwait_seconds_total 1.5\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
