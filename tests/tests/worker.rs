//! `entrepot worker` beside `entrepot serve --no-worker`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, Server, stores};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

async fn until_cancelled(client: &Client, order: &str) -> Result<()> {
    let begun = Instant::now();
    while client.get(&format!("/orders/{order}")).await?.expect(200).data()["status"] != "cancelled" {
        ensure!(begun.elapsed() < PATIENCE, "it was not cancelled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Also when a worker is killed, and another one follows.
#[tokio::test]
async fn worker_does_what_a_server_leaves_to_it() -> Result<()> {
    let settings = [("ORDER_PENDING_TTL", "1s"), ("TEST_ARGUMENTS", "serve --no-worker")];
    let server = stores::start(1, &settings).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 3).await?.expect(201).id();
    assert_eq!(stores::ask(&server, "SELECT name FROM job_schedules").await?, [""; 0], "no worker has begun");

    let mut worker = server.beside(&["worker"], &[])?;
    until_cancelled(&ada, &order).await?;
    assert_eq!(ada.stock(&mug).await?, 10);
    worker.kill()?;
    let order = ada.order(&mug, 3).await?.expect(201).id();
    let mut workers = [server.beside(&["worker"], &[])?, server.beside(&["worker"], &[])?];
    until_cancelled(&ada, &order).await?;
    assert_eq!(ada.stock(&mug).await?, 10, "two workers gave it back once");
    for worker in &mut workers {
        assert_eq!(worker.stop()?.code(), Some(0));
    }
    Ok(())
}

/// A port at which nobody listens.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[tokio::test]
async fn worker_shows_its_health_and_metrics_if_asked() -> Result<()> {
    let server = stores::start(1, &[("ORDER_PENDING_TTL", "1s"), ("TEST_ARGUMENTS", "serve --no-worker")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 3).await?.expect(201).id();
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut worker = server.beside(&["worker", "--probes", &address], &[])?;
    until_cancelled(&ada, &order).await?;
    let probe = Client::new(&format!("http://{address}"));
    assert_eq!(probe.get("//health/live").await?.status, 200);
    let ready = probe.get("//health/ready").await?.expect(200);
    assert_eq!(ready.data()["status"], "ready");
    let metrics = probe.get("//metrics").await?;
    let text = metrics.body.as_str().context("no text")?.to_owned();
    let cancelled = text.lines().find(|line| line.starts_with("jobs_finished_total{kind=\"orders.cancel_unpaid\"}"));
    assert!(cancelled.is_some_and(|line| !line.ends_with(" 0")), "{text}");
    probe.get("/products").await?.error(404, "not_found");
    assert_eq!(worker.stop()?.code(), Some(0));
    assert!(probe.get("//health/live").await.is_err());
    Ok(())
}

#[tokio::test]
async fn file_has_one_process() -> Result<()> {
    let mut server = Server::start(&[("TEST_ARGUMENTS", "serve --no-worker")]).await?;
    let refused = server.command(&["worker"], &[])?;
    assert_eq!(refused.status.code(), Some(1));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("A file has one process, which serves and runs the jobs"), "{why}");
    assert!(server.stop()?.success());
    Ok(())
}
