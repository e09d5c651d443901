//! A temporary Redis with a replica and a sentinel.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

use super::{process::free_port, redis::Redis};

/// The sentinel's name of the master.
const NAME: &str = "shop";

/// A Redis with a replica, and a sentinel that promotes the replica when the master is down, all on free ports of the
/// loopback interface.
///
/// They end when this is dropped, and with the test process.
pub struct RedisSentinel {
    master: Redis,
    replica: Redis,
    sentinel: Redis,
}

impl RedisSentinel {
    /// Starts them. The master is considered down when it has not answered for `down_after`.
    pub async fn start(down_after: Duration) -> Result<Self> {
        let master = Redis::start_with(&["--repl-diskless-sync-delay", "0"], free_port).await?;
        let port = master.port();
        let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port.to_string()], free_port).await?;
        // A sentinel asks for replicas immediately, and then only every ten seconds.
        replica.until("INFO replication", |info| info.contains("master_link_status:up")).await?;
        master.until("INFO replication", |info| info.contains("state=online")).await?;
        let settings = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} 1\n\
             sentinel down-after-milliseconds {NAME} {}\n\
             sentinel failover-timeout {NAME} 2000\n",
            down_after.as_millis()
        );
        let sentinel = Redis::start_on(&settings, &["--sentinel"]).await?;
        sentinel
            .until(&format!("SENTINEL REPLICAS {NAME}"), |told| told.contains("master-link-status\r\n$2\r\nok"))
            .await?;
        Ok(Self { master, replica, sentinel })
    }

    /// The URL of the sentinel, with the name of the master.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={NAME}", self.sentinel.port())
    }

    /// The initial master.
    pub fn master(&mut self) -> &mut Redis {
        &mut self.master
    }

    /// The replica that is promoted.
    pub fn replica(&self) -> &Redis {
        &self.replica
    }
}

/// The URL of the sentinel that the tests of this process share; the first call starts it.
///
/// Its Redis is shared, so each test uses its own keys.
pub async fn redis_sentinel_url() -> Result<String> {
    /// Prevents a promotion on a busy machine.
    const NEVER: Duration = Duration::from_hours(1);
    static SHARED: OnceCell<RedisSentinel> = OnceCell::const_new();
    let start = || RedisSentinel::start(NEVER);
    Ok(SHARED.get_or_try_init(start).await.context("no Redis sentinel for the tests")?.url())
}
