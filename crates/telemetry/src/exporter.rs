//! A collector that may be away.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

/// How often it is told that a collector takes nothing.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

/// Tells of failures once in a while, and of the end of them.
#[derive(Debug)]
pub(crate) struct Patient<E> {
    inner: E,
    /// When it was complained of, while it fails.
    complained: Mutex<Option<Instant>>,
}

impl<E> Patient<E> {
    pub(crate) fn new(inner: E) -> Self {
        Self { inner, complained: Mutex::new(None) }
    }

    fn note(&self, done: &OTelSdkResult) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        match (done, *complained) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => {
                *complained = None;
                tracing::info!("the collector takes traces again");
            }
            (Err(_), Some(at)) if at.elapsed() < COMPLAIN_EVERY => {}
            (Err(error), _) => {
                *complained = Some(Instant::now());
                tracing::warn!(%error, "traces are lost: the collector takes none");
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Patient<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let done = self.inner.export(batch).await;
        self.note(&done);
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
