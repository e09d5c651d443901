//! An exporter that logs failures.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

/// The minimum interval between two warnings about a failing collector.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Logs failures of the collector, at a limited rate, and the first success after them.
#[derive(Debug)]
pub(crate) struct LoggedExporter<E> {
    inner: E,
    /// The time of the last warning, while exports fail.
    warned_at: Mutex<Option<Instant>>,
}

impl<E> LoggedExporter<E> {
    pub(crate) fn new(inner: E) -> Self {
        Self { inner, warned_at: Mutex::new(None) }
    }

    fn log(&self, done: &OTelSdkResult) {
        let mut warned_at = self.warned_at.lock().unwrap_or_else(PoisonError::into_inner);
        match (done, *warned_at) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                *warned_at = None;
                tracing::info!("the collector accepts traces again");
            }
            (Err(_), Some(at)) if at.elapsed() < WARNING_INTERVAL => {}
            (Err(error), _) => {
                *warned_at = Some(Instant::now());
                tracing::warn!(%error, "traces are lost: the collector does not accept them");
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for LoggedExporter<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let done = self.inner.export(batch).await;
        self.log(&done);
        done
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
