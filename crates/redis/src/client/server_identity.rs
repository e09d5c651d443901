//! Whether the Redis that answers is the one that answered before.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, ClusterInterface as _},
    types::InfoKind,
};

use super::error_message::single_node_of_cluster;

/// The run identifier of the Redis that answered last. A restarted Redis that read an old snapshot, or a replica that
/// took over, may still hold values that the former one was told to drop.
pub(crate) struct ServerIdentity {
    run_id: Mutex<Option<String>>,
    /// Whether a connection was lost since `run_id` was read.
    connection_lost: AtomicBool,
}

impl ServerIdentity {
    pub(crate) fn new() -> Self {
        Self { run_id: Mutex::new(None), connection_lost: AtomicBool::new(false) }
    }

    /// Notes that a connection was lost: another Redis may answer on the next one.
    pub(crate) fn note_connection_loss(&self) {
        self.connection_lost.store(true, SeqCst);
    }

    /// Asks Redis for its run identifier, and returns whether it may be another Redis than the last time.
    pub(crate) async fn has_changed(&self, client: &Client, clustered: bool) -> Result<bool, Error> {
        let lost = self.connection_lost.swap(false, SeqCst);
        let run_id = match ask_run_id(client, clustered).await {
            Ok(run_id) => run_id,
            Err(error) => {
                self.connection_lost.fetch_or(lost, SeqCst);
                return Err(error);
            }
        };
        Ok(match self.replace(run_id.clone()) {
            None => false,
            // Without an identifier, any other Redis may have taken over while the connection was lost.
            Some(before) => before != run_id || (run_id.is_empty() && lost),
        })
    }

    /// Sets the identifier and returns the former one.
    pub(crate) fn replace(&self, run_id: String) -> Option<String> {
        self.run_id.lock().unwrap_or_else(PoisonError::into_inner).replace(run_id)
    }
}

/// The run identifier; empty if Redis does not give it, and for a cluster, which has one for each node.
async fn ask_run_id(client: &Client, clustered: bool) -> Result<String, Error> {
    if clustered {
        return Ok(String::new());
    }
    let info: String = client.info(Some(InfoKind::Server)).await?;
    if info.contains("redis_mode:cluster") && !client.cluster_info::<String>().await?.contains("cluster_size:1\r") {
        // Only some of the keys are here; each command on another would fail.
        return Err(single_node_of_cluster());
    }
    Ok(info.lines().find_map(|line| line.strip_prefix("run_id:")).unwrap_or_default().trim().to_owned())
}
