//! `entrepot doctor`: what is wrong, and how to mend it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anyhow::Result;
use entrepot_testkit::{Redis, redis_cluster_url, redis_sentinel_url};
use entrepot_tests::Server;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn healthy_system_passes_beside_a_running_server() -> Result<()> {
    let server = Server::start(&[]).await?;
    let port = server.address().port().to_string();
    let out = server.command(&["doctor"], &[("PORT", &port)])?;
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.lines().all(|line| line.starts_with("ok ")), "{said}");
    for what in ["configuration", "data folder", "is taken", "up to date"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn pending_migrations_are_reported_and_not_run() -> Result<()> {
    let server = Server::start(&[]).await?;
    let out = server.command(&["doctor"], &[("DATA_DIR", "elsewhere")])?;
    assert_eq!(out.status.code(), Some(0));
    assert!(text(&out.stdout).contains("migrations are pending"), "{}", text(&out.stdout));
    assert!(!server.folder().join("elsewhere/entrepot.db").exists());
    Ok(())
}

#[tokio::test]
async fn unreachable_dependencies_are_named_without_passwords() -> Result<()> {
    let server = Server::start(&[]).await?;
    // Nobody listens on these ports.
    let away = [
        ("DATABASE_URL", "postgres://shop:geheim@127.0.0.1:1/shop"),
        ("REDIS_URL", "redis://:geheim@127.0.0.1:2"),
        ("DB_CONNECT_TIMEOUT", "1s"),
    ];
    let out = server.command(&["doctor"], &away)?;
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{said}");
    for what in ["wrong  database: ", "DATABASE_URL", "wrong  redis: ", "REDIS_URL"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert!(text(&out.stderr).contains("2 things are wrong"), "{}", text(&out.stderr));
    assert!(!(said + &text(&out.stderr)).contains("geheim"));
    Ok(())
}

#[tokio::test]
async fn redis_of_another_kind_than_its_url_is_reported() -> Result<()> {
    let (server, redis) = (Server::start(&[]).await?, Redis::start().await?);
    let (cluster, sentinel) = (redis_cluster_url().await?, redis_sentinel_url().await?);
    let node = cluster.split('?').next().unwrap().replace("redis-cluster", "redis");
    for (url, why) in [
        (redis.url().replace("redis:", "redis-cluster:"), "it is no cluster"),
        (node, "one node of a cluster, whose URL begins with redis-cluster://"),
        (
            sentinel.replace("ServiceName=shop", "ServiceName=other"),
            "knows no master with the name in sentinelServiceName",
        ),
        (sentinel.replace("redis-sentinel", "redis"), "is it a sentinel?"),
        (redis.url().replace("redis:", "redis-sentinel:") + "?sentinelServiceName=shop", "it is no sentinel"),
        // Nobody listens on these ports.
        ("redis-cluster://127.0.0.1:1?node=127.0.0.1:2".to_owned(), "Connection refused"),
        ("redis-sentinel://127.0.0.1:1?sentinelServiceName=shop".to_owned(), "Failed to connect to all sentinel nodes"),
    ] {
        let out = server.command(&["doctor"], &[("REDIS_URL", &url)])?;
        let said = text(&out.stdout);
        let wrong = said.lines().find(|line| line.starts_with("wrong  redis: ")).unwrap_or_default();
        assert!(out.status.code() == Some(1) && wrong.contains(why), "{url}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn every_configuration_error_is_reported() -> Result<()> {
    let server = Server::start(&[]).await?;
    let out = server.command(&["doctor"], &[("PORT", "x"), ("BODY_LIMIT", "many")])?;
    let said = text(&out.stdout);
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(said.contains("PORT must") && said.contains("BODY_LIMIT must"), "{said}");
    Ok(())
}
