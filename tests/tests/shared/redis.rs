//! The instances on a Redis cluster, on a Redis behind a sentinel, and on a Redis with TLS.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Redis, redis_cluster_url, redis_sentinel_url};
use entrepot_tests::{Client, Pair, Server, stores};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::apart;

/// How soon Redis must be used after the start.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn instances_share_a_redis_cluster() -> Result<()> {
    is_shared(&redis_cluster_url().await?, &[]).await
}

#[tokio::test]
async fn instances_share_a_redis_behind_a_sentinel() -> Result<()> {
    is_shared(&redis_sentinel_url().await?, &[]).await
}

#[tokio::test]
async fn instances_share_a_redis_over_tls() -> Result<()> {
    let (pair, folder) = (Pair::new()?, TempDir::new()?);
    pair.write(folder.path())?;
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let redis = Redis::start_with_tls(&certificate, &key).await?;
    assert!(redis.url().starts_with("rediss://"));
    // Trusted as if it were among those of the system.
    is_shared(&redis.url(), &[("SSL_CERT_FILE", certificate.to_str().unwrap())]).await?;

    let stranger = Server::start(&[("REDIS_URL", &redis.url())]).await?;
    assert_eq!(status(&stranger.anonymous()).await?, "down");
    Ok(())
}

/// How an instance says that Redis is.
async fn status(instance: &Client) -> Result<String> {
    let ready = instance.get("//health/ready").await?.expect(200);
    let dependencies = ready.data()["dependencies"].as_array().context("no dependencies")?;
    let redis = dependencies.iter().find(|one| one["name"] == "redis").context("no redis")?;
    Ok(redis["status"].as_str().context("no status")?.to_owned())
}

/// Whether what one instance wrote and counted is what the other reads and counts.
async fn is_shared(redis: &str, settings: &[(&str, &str)]) -> Result<()> {
    let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "100")];
    let server = stores::start_on(redis, 2, &[&limits, settings].concat()).await?;
    let doctor = server.command(&["doctor"], &[])?;
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success() && said.contains("ok     redis: answers"), "{said}");

    let admin = apart(&server, &server.admin().await?);
    let began = Instant::now();
    for instance in &admin {
        while status(instance).await? != "up" {
            ensure!(began.elapsed() < PATIENCE, "Redis is not used: {}", server.log());
        }
    }
    let path = format!("/products/{}", admin[0].product("MUG", 100, 5).await?);
    for price in 101..150 {
        for instance in &admin {
            // Once to remember it, and once from what is remembered.
            instance.get(&path).await?.expect(200);
            instance.get(&path).await?.expect(200);
        }
        let [here, there] = if price % 2 == 0 { [0, 1] } else { [1, 0] };
        admin[here].patch(&path, json!({"price": {"amount": price}})).await?.expect(200);
        let seen = admin[there].get(&path).await?.expect(200);
        assert_eq!(seen.data()["price"]["amount"], Value::from(price), "an old price after the answer");
    }

    let nobody = apart(&server, &server.anonymous());
    let mut left = Vec::new();
    for n in 0..10 {
        left.push(nobody[n % 2].get(&path).await?.expect(200).header("ratelimit-remaining").parse::<i64>()?);
    }
    assert!(left.windows(2).all(|pair| pair[1] == pair[0] - 1), "{left:?}");
    assert!(!server.log().contains("going on without it"), "{}", server.log());
    Ok(())
}
