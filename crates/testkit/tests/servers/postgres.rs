//! PostgreSQL: one server and its replica.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::Postgres;
use tokio::time::{sleep, timeout};

use super::{ANSWER_TIMEOUT, TIMEOUT, connect, listens, number};

#[tokio::test]
async fn postgres_keeps_port_and_data_over_stop_and_kill() -> Result<()> {
    let mut postgres = Postgres::start().await?;
    let url = postgres.create_database("a \"name\"").await.context("a name that needs quotes");
    assert!(url.is_ok());
    let url = postgres.create_database("shop").await?;
    connect(&url).await?.batch_execute("CREATE TABLE things AS SELECT 1 AS id").await?;
    let port = postgres.port();

    postgres.stop().await?;
    assert!(!listens(port));
    postgres.start_again().await?;
    let busy = connect(&url).await?;
    busy.batch_execute("INSERT INTO things VALUES (2)").await?;

    // A process that handles no signals while it is busy.
    let work = tokio::spawn(async move { number(&busy, "SELECT count(*) FROM generate_series(1, 1e15)").await });
    let watcher = connect(&url).await?;
    let start = Instant::now();
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1e15%' \
                   AND pid <> pg_backend_pid()";
    while number(&watcher, at_work).await? == 0 {
        ensure!(start.elapsed() < TIMEOUT, "the work does not begin");
    }
    postgres.kill();
    assert!(timeout(TIMEOUT, work).await??.is_err());
    assert!(!listens(port));
    postgres.start_again().await?;
    assert_eq!(postgres.port(), port);
    assert_eq!(number(&connect(&url).await?, "SELECT count(*) FROM things").await?, 2);

    drop(postgres);
    assert!(!listens(port));
    Ok(())
}

#[tokio::test]
async fn frozen_postgres_answers_nothing() -> Result<()> {
    let mut postgres = Postgres::start().await?;
    let open = connect(&postgres.url("postgres")).await?;
    postgres.freeze();
    assert!(timeout(ANSWER_TIMEOUT, number(&open, "SELECT 1::bigint")).await.is_err(), "an open connection answers");
    assert!(timeout(ANSWER_TIMEOUT, connect(&postgres.url("postgres"))).await.is_err(), "a new connection is taken");
    postgres.thaw();
    assert_eq!(timeout(TIMEOUT, number(&open, "SELECT 7::bigint")).await??, 7);

    postgres.freeze();
    postgres.kill();
    assert!(timeout(TIMEOUT, number(&open, "SELECT 1::bigint")).await?.is_err());
    postgres.start_again().await
}

#[tokio::test]
async fn postgres_refuses_a_wrong_password() -> Result<()> {
    let postgres = Postgres::start().await?;
    let url = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", postgres.port());
    let refused = connect(&url).await.err().context("a wrong password is right")?;
    assert!(format!("{refused:#}").contains("password authentication failed"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn replica_follows_and_is_read_only() -> Result<()> {
    let mut primary = Postgres::start().await?;
    let replica = primary.replica().await?;
    assert_ne!(primary.port(), replica.port());
    connect(&primary.url("postgres")).await?.batch_execute("CREATE TABLE things AS SELECT 1 AS id").await?;
    let reader = connect(&replica.url("postgres")).await?;
    let rows = async |wanted: i64| {
        let start = Instant::now();
        while number(&reader, "SELECT count(*) FROM things").await.ok() != Some(wanted) {
            assert!(start.elapsed() < TIMEOUT, "the replica does not follow");
            sleep(Duration::from_millis(10)).await;
        }
    };
    rows(1).await;
    assert!(reader.batch_execute("INSERT INTO things VALUES (2)").await.is_err());

    // Also after its primary was down.
    primary.stop().await?;
    rows(1).await;
    primary.start_again().await?;
    connect(&primary.url("postgres")).await?.batch_execute("INSERT INTO things VALUES (2)").await?;
    rows(2).await;
    Ok(())
}
