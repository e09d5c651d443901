//! Redis: one server, a cluster, a sentinel.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Redis, RedisCluster, RedisSentinel, redis_url};
use tokio::time::sleep;

use super::{TIMEOUT, ask, eventually, listens};

#[tokio::test]
async fn redis_is_killed_frozen_and_restarted_on_its_port() -> Result<()> {
    let mut redis = Redis::start().await?;
    let port = redis.port();
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{port}"));
    assert_eq!(ask(port, "SET a b")?, "+OK");
    let pid = format!("process_id:{}", redis.pid());
    assert!(ask(port, "INFO server")?.contains(&pid));

    redis.freeze();
    assert!(ask(port, "PING").is_err());
    redis.thaw();
    assert_eq!(ask(port, "PING")?, "+PONG");

    redis.freeze();
    redis.kill();
    assert!(!listens(port));
    redis.restart().await?;
    assert_eq!(redis.port(), port);
    assert_eq!(ask(port, "GET a")?, "$-1", "it keeps nothing");

    drop(redis);
    assert!(!listens(port));
    Ok(())
}

#[tokio::test]
async fn shared_redis_is_started_once() -> Result<()> {
    assert_eq!(redis_url().await?, redis_url().await?);
    Ok(())
}

#[tokio::test]
async fn cluster_serves_all_slots_after_a_takeover() -> Result<()> {
    let mut cluster = RedisCluster::start().await?;
    let ports = cluster.nodes().each_ref().map(Redis::port);
    assert!(ports.iter().all(|port| cluster.url().contains(&format!("127.0.0.1:{port}"))), "{}", cluster.url());
    // Their slots are 3300, 7365 and 15495.
    for (key, holder) in [("b", 0), ("c", 1), ("a", 2)] {
        for (n, port) in ports.iter().enumerate() {
            let moved = format!("127.0.0.1:{}", ports[holder]);
            let answer = ask(*port, &format!("SET {key} {n}"))?;
            assert!(if n == holder { answer == "+OK" } else { answer.ends_with(&moved) }, "{key} at {n}: {answer}");
        }
    }

    let replica = cluster.replica(2).await?;
    cluster.nodes()[2].kill();
    assert_eq!(ask(replica.port(), "CLUSTER FAILOVER TAKEOVER")?, "+OK");
    let moved = format!("127.0.0.1:{}", replica.port());
    eventually("the news that another has the slots", || {
        ports[..2].iter().all(|port| ask(*port, "GET a").unwrap().ends_with(&moved))
    })
    .await;
    assert_eq!(ask(replica.port(), "GET a")?, "$1\r\n2");

    drop((cluster, replica));
    assert!(!ports.iter().any(|port| listens(*port)));
    Ok(())
}

#[tokio::test]
async fn sentinel_names_another_master_after_a_crash() -> Result<()> {
    let mut all = RedisSentinel::start(Duration::from_millis(500)).await?;
    let url = all.url();
    let sentinel = url.split([':', '?']).find_map(|part| part.parse().ok()).context("no port")?;
    let named = || {
        let answer = ask(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME shop")?;
        answer.lines().nth(4).and_then(|port| port.parse::<u16>().ok()).context("it names none")
    };
    let first = all.master().port();
    assert_eq!(named()?, first);
    all.master().kill();
    let start = Instant::now();
    while named()? == first {
        ensure!(start.elapsed() < TIMEOUT, "the dead one is still the master");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(named()?, "SET a b")?, "+OK");
    drop(all);
    assert!(!listens(sentinel) && !listens(first));
    Ok(())
}
