//! A throw-away Redis with a replica and a sentinel.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::OnceCell;

use super::{process::free_port, redis::Redis};

/// What the sentinel calls the Redis that it watches.
const NAME: &str = "shop";

/// A Redis with a replica, and a sentinel that lets the replica take over when it is away, all on free ports of the
/// loopback.
///
/// They end when this is dropped, and with the test process.
pub struct RedisSentinel {
    master: Redis,
    replica: Redis,
    sentinel: Redis,
}

impl RedisSentinel {
    /// Starts them. Redis is taken for dead when it has said nothing for so long.
    pub async fn start(down_after: Duration) -> Result<Self> {
        let master = Redis::start_with(&["--repl-diskless-sync-delay", "0"], free_port).await?;
        let port = master.port();
        let replica = Redis::start_with(&["--replicaof", "127.0.0.1", &port.to_string()], free_port).await?;
        // A sentinel asks at once who the replicas are, and then only every ten seconds.
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

    /// Where the sentinel is, and what it is to be asked for.
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}?sentinelServiceName={NAME}", self.sentinel.port())
    }

    /// The Redis that was the first to be the master.
    pub fn master(&mut self) -> &mut Redis {
        &mut self.master
    }

    /// The Redis that takes over.
    pub fn replica(&self) -> &Redis {
        &self.replica
    }
}

/// Where the sentinel is that the tests of this process share: started when it is first asked for.
///
/// Others use its Redis at the same time, so a test takes keys that are its own.
pub async fn redis_sentinel_url() -> Result<String> {
    /// No replica is to take over because the machine is busy.
    const NEVER: Duration = Duration::from_hours(1);
    static SHARED: OnceCell<RedisSentinel> = OnceCell::const_new();
    let start = || RedisSentinel::start(NEVER);
    Ok(SHARED.get_or_try_init(start).await.context("no Redis sentinel for the tests")?.url())
}
