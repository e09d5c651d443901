//! Signals that stop the process.

use anyhow::Result;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    spawn,
};

/// How a process says that a second signal ended it: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Returns at the first signal; the second one ends the process.
pub(super) async fn stop_requested(mut signals: Signals) {
    signals.next().await;
    tracing::info!("stopping: finishing what is in flight");
    spawn(async move {
        signals.next().await;
        tracing::warn!("stopped at once by a second signal");
        std::process::exit(INTERRUPTED);
    });
}

/// SIGTERM and SIGINT, whichever comes.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
