//! The options of traces.

use std::fmt;

use opentelemetry_sdk::trace::Sampler;

/// Where traces are sent, and which requests are traced.
#[derive(Clone)]
pub struct TraceOptions {
    /// The base URL of a collector, `http://` or `https://`.
    pub endpoint: String,
    /// Sent with every export, such as the collector's API key.
    pub headers: Vec<(String, String)>,
    pub service_name: String,
    /// Such as `production`.
    pub environment: &'static str,
    pub sampling: Sampling,
}

impl TraceOptions {
    /// The URL of exports: below the base URL, as OTLP 1.0 requires.
    pub(crate) fn traces_url(&self) -> String {
        format!("{}/v1/traces", self.endpoint.trim_end_matches('/'))
    }
}

impl fmt::Debug for TraceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, service_name, sampling, .. } = self;
        f.debug_struct("TraceOptions")
            .field("endpoint", endpoint)
            .field("service_name", service_name)
            .field("sampling", sampling)
            .finish_non_exhaustive()
    }
}

/// Which requests are traced; the names are those of `OTEL_TRACES_SAMPLER`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The fraction of traced requests, among those without a sampling decision of the caller.
    pub ratio: f64,
    /// Whether the decision in the caller's `traceparent` has precedence.
    pub by_parent: bool,
}

impl Default for Sampling {
    /// All requests that the caller does not exclude.
    fn default() -> Self {
        Self { ratio: 1.0, by_parent: true }
    }
}

impl Sampling {
    /// Parses the name of a sampler and its argument, which samplers by ratio take: a number from 0 to 1, by default 1.
    ///
    /// # Errors
    /// The name of the invalid variable, and the reason.
    pub fn parse(name: &str, argument: Option<&str>) -> Result<Self, (&'static str, String)> {
        let ratio = match argument {
            None => 1.0,
            Some(text) => match text.parse() {
                Ok(ratio) if (0.0..=1.0).contains(&ratio) => ratio,
                _ => return Err(("OTEL_TRACES_SAMPLER_ARG", "must be a number from 0 to 1".to_owned())),
            },
        };
        let (name, by_parent) = name.strip_prefix("parentbased_").map_or((name, false), |name| (name, true));
        let ratio = match name {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio,
            _ => {
                let why = "must be always_on, always_off or traceidratio, or one of them behind parentbased_";
                return Err(("OTEL_TRACES_SAMPLER", why.to_owned()));
            }
        };
        Ok(Self { ratio, by_parent })
    }

    pub(crate) fn sampler(self) -> Sampler {
        let own = Sampler::TraceIdRatioBased(self.ratio);
        if self.by_parent { Sampler::ParentBased(Box::new(own)) } else { own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampler_names_are_those_of_opentelemetry() {
        let read = |name, argument| Sampling::parse(name, argument).map_err(|(name, _)| name);
        assert_eq!(read("parentbased_always_on", None), Ok(Sampling::default()));
        assert_eq!(read("always_off", Some("0.5")), Ok(Sampling { ratio: 0.0, by_parent: false }));
        assert_eq!(read("parentbased_traceidratio", Some("0.25")), Ok(Sampling { ratio: 0.25, by_parent: true }));
        assert_eq!(read("sometimes", None), Err("OTEL_TRACES_SAMPLER"));
        for bad in ["1.5", "-1", "half", "NaN"] {
            assert_eq!(read("traceidratio", Some(bad)), Err("OTEL_TRACES_SAMPLER_ARG"), "{bad}");
        }
    }

    #[test]
    fn headers_are_not_printed() {
        let options = TraceOptions {
            endpoint: "http://collector:4318/".into(),
            headers: vec![("authorization".into(), "hush-hush".into())],
            service_name: "entrepot".into(),
            environment: "production",
            sampling: Sampling::default(),
        };
        assert_eq!(options.traces_url(), "http://collector:4318/v1/traces");
        assert!(!format!("{options:?}").contains("hush-hush"));
    }
}
