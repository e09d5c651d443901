//! A Redis whose place another takes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{cache, found, fresh_prefix, instance, limiter, product, put, until, until_shared};
use entrepot_domain::{Cache, HealthCheck};
use entrepot_redis::{Redis, RedisCache};
use entrepot_testkit::{Redis as Server, RedisCluster, RedisSentinel};

/// So many things are known that some are on every node of a cluster.
const MANY: u128 = 30;

/// When a master that says nothing is taken for dead.
const DEAD: Duration = Duration::from_millis(500);

/// How soon everything must work again after another has taken over.
const RECOVERY: Duration = Duration::from_secs(10);

/// Two instances, and their caches.
struct Instances {
    here: Redis,
    there: Redis,
    caches: [Arc<RedisCache>; 2],
}

impl Instances {
    /// Both remember the same things.
    async fn at(url: &str) -> Self {
        let prefix = fresh_prefix();
        let (here, there) = (instance(url, &prefix).await, instance(url, &prefix).await);
        let instances = Self { caches: [cache(&here), cache(&there)], here, there };
        for n in 0..MANY {
            put(&*instances.caches[0], n, "old").await;
            assert_eq!(found(&*instances.caches[1], n).await.as_deref(), Some("old"));
        }
        instances
    }

    /// Writes while nobody can be told.
    async fn write(&self) {
        for n in 0..MANY {
            self.caches[0].invalidate(&[product(n)]).await;
        }
    }

    /// Waits until all works as before, during which nothing old is found.
    async fn recover(&self) {
        let began = Instant::now();
        until("everything is remembered again", || async {
            for n in 0..MANY {
                for cache in &self.caches {
                    assert_ne!(found(&**cache, n).await.as_deref(), Some("old"));
                }
                put(&*self.caches[0], n, "new").await;
            }
            for n in 0..MANY {
                if found(&*self.caches[1], n).await.as_deref() != Some("new") {
                    return false;
                }
            }
            true
        })
        .await;
        until_shared(&limiter(&self.here), &limiter(&self.there)).await;
        println!("works again after {:?}", began.elapsed());
        assert!(began.elapsed() < RECOVERY, "{:?}", began.elapsed());
        assert!(self.here.check().await.is_ok());
    }
}

async fn is_master(server: &Server) -> bool {
    server.ask("ROLE").await.is_ok_and(|role| role.contains("master"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redis_that_a_sentinel_promotes_is_used() {
    let mut servers = RedisSentinel::start(DEAD).await.unwrap();
    let instances = Instances::at(&servers.url()).await;
    servers.master().kill();
    instances.write().await;
    until("the replica is promoted", || is_master(servers.replica())).await;
    instances.recover().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_that_hung_and_was_replaced_is_not_used_again() {
    let mut servers = RedisSentinel::start(DEAD).await.unwrap();
    let instances = Instances::at(&servers.url()).await;
    servers.master().freeze();
    instances.write().await;
    until("the replica is promoted", || is_master(servers.replica())).await;
    instances.recover().await;
    // It still takes itself for the master, until the sentinel tells it.
    servers.master().thaw();
    let thawed = Instant::now();
    while thawed.elapsed() < 2 * DEAD {
        assert_eq!(found(&*instances.caches[0], 0).await.as_deref(), Some("new"));
    }
}

/// The node that goes away is the only one that the URL names.
async fn a_node_goes(go: impl FnOnce(&mut Server)) {
    let mut cluster = RedisCluster::start().await.unwrap();
    let replica = cluster.replica(0).await.unwrap();
    let url = format!("redis-cluster://127.0.0.1:{}", cluster.nodes()[0].port());
    let instances = Instances::at(&url).await;
    go(&mut cluster.nodes()[0]);
    instances.write().await;
    assert_eq!(replica.ask("CLUSTER FAILOVER TAKEOVER").await.unwrap(), "+OK\r\n");
    instances.recover().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_rest_of_a_cluster_is_used_when_a_node_dies() {
    a_node_goes(Server::kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_rest_of_a_cluster_is_used_when_a_node_hangs() {
    a_node_goes(|node| node.freeze()).await;
}
