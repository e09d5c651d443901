//! Failover to another Redis, and slots that move to another node.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use common::{
    cache, found, fresh_prefix, instance, limiter, patient, product, put, quota, until, until_cached, until_shared,
    user,
};
use entrepot_domain::{Cache, HealthCheck, MetricSource, RateLimiter};
use entrepot_redis::{Redis, RedisCache};
use entrepot_testkit::{Redis as Server, RedisCluster, RedisSentinel};

/// Enough keys that every node of a cluster has some.
const KEYS: u128 = 30;

/// After this time a sentinel takes a silent master for dead.
const DOWN_AFTER: Duration = Duration::from_millis(500);

/// Two instances, and their caches.
struct Instances {
    here: Redis,
    there: Redis,
    caches: [Arc<RedisCache>; 2],
}

impl Instances {
    /// Both have cached the same values.
    async fn at(url: &str) -> Self {
        let prefix = fresh_prefix();
        let (here, there) = (instance(url, &prefix).await, instance(url, &prefix).await);
        let instances = Self { caches: [cache(&here), cache(&there)], here, there };
        for n in 0..KEYS {
            for cache in &instances.caches {
                until_cached(&**cache, n, "old").await;
            }
        }
        instances
    }

    /// Invalidates all values while Redis cannot be reached.
    async fn write(&self) {
        for n in 0..KEYS {
            self.caches[0].invalidate(&[product(n)]).await;
        }
    }

    /// Waits until everything works as before; meanwhile no old value may be found.
    async fn recover(&self) {
        let began = Instant::now();
        until("everything is cached again", || async {
            for n in 0..KEYS {
                for cache in &self.caches {
                    assert_ne!(found(&**cache, n).await.as_deref(), Some("old"));
                }
                put(&*self.caches[0], n, "new").await;
            }
            for n in 0..KEYS {
                if found(&*self.caches[1], n).await.as_deref() != Some("new") {
                    return false;
                }
            }
            true
        })
        .await;
        until_shared(&limiter(&self.here), &limiter(&self.there)).await;
        println!("works again after {:?}", began.elapsed());
        assert!(self.here.check().await.is_ok());
    }
}

async fn is_master(server: &Server) -> bool {
    server.ask("ROLE").await.is_ok_and(|role| role.contains("master"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn promoted_replica_is_used() {
    let mut servers = RedisSentinel::start(DOWN_AFTER).await.unwrap();
    let instances = Instances::at(&servers.url()).await;
    servers.master().kill();
    instances.write().await;
    until("the replica is promoted", || is_master(servers.replica())).await;
    instances.recover().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replaced_master_is_not_used_after_it_resumes() {
    let mut servers = RedisSentinel::start(DOWN_AFTER).await.unwrap();
    let instances = Instances::at(&servers.url()).await;
    servers.master().freeze();
    instances.write().await;
    until("the replica is promoted", || is_master(servers.replica())).await;
    instances.recover().await;
    // It still believes to be the master, until the sentinel corrects it.
    servers.master().thaw();
    let thawed = Instant::now();
    while thawed.elapsed() < 2 * DOWN_AFTER {
        for n in 0..KEYS {
            assert_ne!(found(&*instances.caches[0], n).await.as_deref(), Some("old"));
        }
    }
}

/// The node that fails is the only one that the URL names.
async fn assert_survives_failure_of_a_node(go: impl FnOnce(&mut Server)) {
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
async fn cluster_is_used_after_a_node_dies() {
    assert_survives_failure_of_a_node(Server::kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cluster_is_used_after_a_node_hangs() {
    assert_survives_failure_of_a_node(|node| node.freeze()).await;
}

/// The slots in which a node has keys with that prefix.
async fn slots(node: &Server, prefix: &str) -> BTreeSet<String> {
    let mut slots = BTreeSet::new();
    for key in lines(node, &format!("KEYS *{prefix}*")).await {
        let slot = node.ask(&format!("CLUSTER KEYSLOT {key}")).await.unwrap();
        slots.insert(slot.trim_start_matches(':').trim().to_owned());
    }
    slots
}

/// The strings of an answer.
async fn lines(node: &Server, command: &str) -> Vec<String> {
    let answer = node.ask(command).await.unwrap();
    answer.lines().filter(|line| !line.starts_with(['*', '$'])).map(str::to_owned).collect()
}

/// The identifier of a node.
async fn id(node: &Server) -> String {
    lines(node, "CLUSTER MYID").await.swap_remove(0)
}

/// Changes the assignment of a slot.
async fn set_slot(nodes: &[&Server], slot: &str, what: &str) {
    for node in nodes {
        assert_eq!(node.ask(&format!("CLUSTER SETSLOT {slot} {what}")).await.unwrap(), "+OK\r\n");
    }
}

/// Moves all keys of a node to another, slot by slot, as an operator does.
async fn move_slots([from, to, third]: [&Server; 3], prefix: &str) {
    let (from_id, to_id) = (id(from).await, id(to).await);
    for slot in slots(from, prefix).await {
        set_slot(&[to], &slot, &format!("IMPORTING {from_id}")).await;
        set_slot(&[from], &slot, &format!("MIGRATING {to_id}")).await;
        // Keys that are created from now on are created there.
        let keys = lines(from, &format!("CLUSTER GETKEYSINSLOT {slot} 10")).await.join(" ");
        if !keys.is_empty() {
            let moved = from.ask(&format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {keys}", to.port())).await.unwrap();
            // NOKEY: all were invalidated in this moment.
            assert!(["+OK\r\n", "+NOKEY\r\n"].contains(&moved.as_str()), "{moved}");
        }
        set_slot(&[to, from, third], &slot, &format!("NODE {to_id}")).await;
    }
}

/// The metrics, with the number of failures of each instance.
fn failures(instances: [&Redis; 2]) -> String {
    format!("{:?}", instances.map(MetricSource::samples))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slots_may_move_while_their_keys_are_used() {
    let mut cluster = RedisCluster::start().await.unwrap();
    let (url, prefix) = (cluster.url(), fresh_prefix());
    let (here, there) = (patient(&url, &prefix).await, patient(&url, &prefix).await);
    let (caches, limiters) = ([cache(&here), cache(&there)], [limiter(&here), limiter(&there)]);
    let nodes = cluster.nodes().each_ref();
    let over = AtomicBool::new(false);
    let use_it = async || {
        let mut rounds = 0;
        while rounds < 3 || !over.load(SeqCst) {
            for n in 0..KEYS {
                let [here, there] = if n % 2 == 0 { [0, 1] } else { [1, 0] };
                put(&*caches[here], n, &rounds.to_string()).await;
                assert_eq!(found(&*caches[there], n).await, Some(rounds.to_string()), "{n}");
                caches[there].invalidate(&[product(n)]).await;
                assert_eq!(found(&*caches[here], n).await, None, "{n} in round {rounds}");
                for limiter in &limiters {
                    limiter.hit(&user(n), quota(900)).await;
                }
                // The other instance may report its hit a moment later.
                until("every hit is counted once", || async {
                    let remaining = limiters[here].peek(&user(n), quota(900)).await.remaining;
                    let expected = 900 - 2 * (rounds + 1);
                    assert!(remaining >= expected, "{n}: {remaining}");
                    remaining == expected
                })
                .await;
            }
            rounds += 1;
        }
        rounds
    };
    let moving = async {
        until("there are keys to move", || async { slots(nodes[0], &prefix).await.len() > 15 }).await;
        move_slots(nodes, &prefix).await;
        over.store(true, SeqCst);
    };
    let before = failures([&here, &there]);
    let (rounds, ()) = tokio::join!(use_it(), moving);
    println!("{rounds} rounds");
    assert_eq!(failures([&here, &there]), before, "an instance went on without Redis");
}
