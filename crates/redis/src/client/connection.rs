//! The connection that all parts of this crate share.

use std::{
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike as _, ClusterInterface as _},
    types::{Key, Value, config::Server},
};
use futures_util::future::{try_join, try_join_all};
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::{AbortHandle, JoinHandle},
};

use super::{
    breaker::CircuitBreaker, error_message::error_message, options::RedisOptions, script::Script,
    server_identity::ServerIdentity, unique_numbers::UniqueNumbers,
};
use crate::keys::KeyNames;

/// Checks more than a PING: a Redis that is full, or read-only, or refuses scripts to this user, is of no use.
const PROBE: &str = "return redis.call('SET', KEYS[1], '1', 'PX', 1000)";

/// The client of the present connection, and what belongs to it.
pub(crate) struct Connection {
    options: RedisOptions,
    client: RwLock<Client>,
    pub(crate) keys: KeyNames,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) identity: ServerIdentity,
    pub(crate) unique: UniqueNumbers,
    /// Runs work that must outlive the request that began it.
    pub(crate) runtime: Handle,
    /// Requests a new connection, because the present one is silent.
    pub(crate) reconnect: Notify,
    probe: Script,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Connection {
    /// A connection whose client is not connected yet.
    pub(crate) fn new(options: RedisOptions) -> anyhow::Result<Self> {
        Ok(Self {
            client: RwLock::new(options.client(&[])),
            keys: KeyNames::new(options.key_prefix()),
            options,
            breaker: CircuitBreaker::new(),
            identity: ServerIdentity::new(),
            unique: UniqueNumbers::new()?,
            runtime: Handle::current(),
            reconnect: Notify::new(),
            probe: Script::new(PROBE),
            tasks: Mutex::default(),
        })
    }

    /// The client of the present connection.
    pub(crate) fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the client by a new, unconnected one, which also looks for a cluster at these nodes.
    pub(crate) fn replace_client(&self, nodes: &[Server]) {
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = self.options.client(nodes);
    }

    /// Creates another, unconnected client, for callers that need a separate connection.
    pub(crate) fn new_client(&self) -> Client {
        self.options.client(&[])
    }

    pub(crate) fn command_timeout(&self) -> Duration {
        self.options.timeout()
    }

    /// Whether Redis is a cluster, each of whose nodes has some of the keys.
    pub(crate) fn is_clustered(&self) -> bool {
        self.options.is_clustered()
    }

    /// Runs a script. `None` if the breaker is open, or if it opened before the answer came.
    pub(crate) async fn run(&self, script: &Script, keys: Vec<Key>, args: Vec<Value>) -> Option<Value> {
        let entered = self.breaker.enter()?;
        match script.run(&self.client(), keys, args).await {
            Ok(answer) => self.breaker.is_unchanged_since(entered).then_some(answer),
            Err(error) => {
                self.breaker.open(&error_message(&error));
                None
            }
        }
    }

    /// Spawns a task that is aborted when the connection is closed.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let task = self.runtime.spawn(task);
        let handle = task.abort_handle();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        handle
    }

    /// Aborts all tasks of the connection.
    pub(crate) fn abort_tasks(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
    }

    /// Opens the breaker because the connection was lost.
    pub(crate) fn note_loss(&self, reason: &str) {
        self.identity.note_connection_loss();
        self.breaker.open(reason);
    }

    /// Opens the breaker because an answer has an unexpected type.
    pub(crate) fn note_unexpected(&self, answer: &Value) {
        self.breaker.open(&format!("an answer that was not expected: {:?}", answer.kind()));
    }

    /// Checks that Redis takes writes; of a cluster, also that every node answers.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let client = self.client();
        let nodes = primary_nodes(&client).into_iter().map(|node| client.with_cluster_node(node));
        let pings = try_join_all(nodes.map(|node| async move { node.ping::<()>(None).await }));
        try_join(self.probe.run(&client, vec![self.keys.probe()], Vec::new()), pings).await.map(drop)
    }
}

/// The nodes of a cluster that hold keys, as far as the client knows them.
pub(crate) fn primary_nodes(client: &Client) -> Vec<Server> {
    client.cached_cluster_state().map(|cluster| cluster.unique_primary_nodes()).unwrap_or_default()
}

/// A script's argument in microseconds.
pub(crate) fn micros(duration: Duration) -> Value {
    Value::from(duration.as_micros().to_string())
}

/// A unique number as a script's argument.
pub(crate) fn number_bytes(number: u64) -> Value {
    Value::Bytes(Bytes::copy_from_slice(&number.to_be_bytes()))
}
