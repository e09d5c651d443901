//! Batches in which the store fails, and not a job.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, dsl::sql, select, sql_types::BigInt};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::*;
use crate::listing::snapshot;

/// A store with one reader and a table of numbers.
async fn numbers() -> (SqliteStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let options = SqliteOptions { readers: 1, ..SqliteOptions::new(folder.path().join("entrepot.db")) };
    let store = SqliteStore::open(&options).unwrap();
    store.write(|connection| run(connection, "CREATE TABLE numbers (n INTEGER)")).await.unwrap();
    (store, folder)
}

fn run(connection: &mut SqliteConnection, statement: &str) -> Result<(), Fault> {
    connection.batch_execute(statement).map_err(fault)
}

fn add(connection: &mut SqliteConnection) -> Result<(), Fault> {
    run(connection, "INSERT INTO numbers VALUES (1)")
}

fn count(connection: &mut SqliteConnection) -> Result<i64, Fault> {
    select(sql::<BigInt>("(SELECT count(*) FROM numbers)")).get_result(connection).map_err(fault)
}

fn refuse(_: &mut SqliteConnection) -> Result<(), Fault> {
    Err(Fault::unknown(anyhow::anyhow!("refused")))
}

/// Blocks the writer until `go` is sent, so that jobs queued meanwhile run together.
async fn hold(store: &SqliteStore) -> (JoinHandle<Result<(), Fault>>, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel();
    let (busy, is_busy) = oneshot::channel();
    let store = store.clone();
    let held = tokio::spawn(async move {
        let work = move |_: &mut SqliteConnection| {
            busy.send(()).unwrap();
            wait.recv().map_err(Fault::unknown)
        };
        store.write(work).await
    });
    is_busy.await.unwrap();
    (held, go)
}

fn is_lost(answer: &Result<(), Fault>) -> bool {
    matches!(answer, Err(Fault::Unavailable { dependency: SQLITE, .. }))
}

/// SQLite ends a transaction by itself in some failures, such as a full disk; here a job does it.
#[tokio::test]
async fn lost_transaction_fails_all_its_jobs() {
    for answer in [Ok(()), Err("disk full")] {
        let (store, _folder) = numbers().await;
        let (held, go) = hold(&store).await;
        let before = store.write(add);
        let breaks = store.write(move |connection| {
            run(connection, "ROLLBACK")?;
            answer.map_err(|why| Fault::unknown(anyhow::anyhow!(why)))
        });
        let behind = store.write(add);
        let release = async { go.send(()).unwrap() };
        // Each job is queued at its first poll, in this order.
        let (before, breaks, behind, ()) = tokio::join!(biased; before, breaks, behind, release);

        held.await.unwrap().unwrap();
        for lost in [&before, &behind] {
            assert!(is_lost(lost), "{lost:?}");
        }
        match answer {
            Ok(()) => assert!(is_lost(&breaks), "{breaks:?}"),
            Err(why) => assert!(matches!(&breaks, Err(Fault::Unknown(own)) if own.to_string() == why), "{breaks:?}"),
        }
        assert_eq!(store.read(count).await.unwrap(), 0);
        store.write(add).await.unwrap();
        assert_eq!(store.read(count).await.unwrap(), 1);
    }
}

/// Also for a refusal, which may depend on a lost write.
#[tokio::test]
async fn failed_commit_fails_all_its_jobs() {
    let (store, _folder) = numbers().await;
    let (held, go) = hold(&store).await;
    let kept = store.write(add);
    let refused = store.write(refuse);
    let dangles = store.write(|connection| {
        // Checked by the commit only.
        run(
            connection,
            "PRAGMA defer_foreign_keys = ON; INSERT INTO order_lines VALUES (X'00', 0, X'00', '', '', 1, 1, 1)",
        )
    });
    let release = async { go.send(()).unwrap() };
    let (kept, refused, dangles, ()) = tokio::join!(biased; kept, refused, dangles, release);
    held.await.unwrap().unwrap();
    for answer in [kept, refused, dangles] {
        assert!(matches!(&answer, Err(Fault::Unknown(why)) if why.to_string().contains("FOREIGN KEY")), "{answer:?}");
    }
    assert_eq!(store.read(count).await.unwrap(), 0);
    store.write(add).await.unwrap();
    assert_eq!(store.read(count).await.unwrap(), 1);
}

/// Like a long import.
#[tokio::test]
async fn lock_of_another_process_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("entrepot.db");
    let options = SqliteOptions { busy_timeout: Duration::ZERO, ..SqliteOptions::new(&path) };
    let store = SqliteStore::open(&options).unwrap();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let answer = store.write(|connection| run(connection, "CREATE TABLE numbers (n INTEGER)")).await;
    assert!(is_lost(&answer), "{answer:?}");
    assert!(store.check().await.is_ok(), "reads go on");
    other.batch_execute("ROLLBACK").unwrap();
    store.write(|connection| run(connection, "CREATE TABLE numbers (n INTEGER)")).await.unwrap();
}

/// Reads continue, as with a full disk.
#[tokio::test]
async fn check_of_writes_detects_failure_and_recovery() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("entrepot.db");
    let options = SqliteOptions { busy_timeout: Duration::ZERO, ..SqliteOptions::new(&path) };
    let store = SqliteStore::open(&options).unwrap();
    let mut other = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(store.check_writes().await, Err(Fault::Unavailable { .. })));
    assert!(store.check().await.is_ok());
    other.batch_execute("ROLLBACK").unwrap();
    store.check_writes().await.unwrap();
    // A successful check is cached for a while, so that frequent checks cause no flushes.
    let transactions = || store.0.counts.transactions.load(Ordering::Relaxed);
    let before = transactions();
    store.check_writes().await.unwrap();
    assert_eq!(transactions(), before);
}

#[tokio::test]
async fn panicking_read_leaves_no_snapshot() {
    let (store, _folder) = numbers().await;
    let panicked = store.read(|connection| {
        snapshot(connection, |connection| -> Result<(), Fault> {
            count(connection)?;
            std::panic::panic_any("dropped a plate")
        })
    });
    assert!(matches!(panicked.await, Err(Fault::Unknown(why)) if why.to_string().contains("dropped a plate")));
    store.write(add).await.unwrap();
    assert_eq!(store.read(|connection| snapshot(connection, count)).await.unwrap(), 1);
}

/// Each batch checks first, so that every later response is based on the change.
#[tokio::test]
async fn only_writes_of_other_processes_are_reported() {
    let (store, folder) = numbers().await;
    let noticed = Arc::new(AtomicUsize::new(0));
    let counter = noticed.clone();
    store.on_foreign_write(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        std::panic::panic_any("whoever is told may fail");
    });
    store.write(add).await.unwrap();
    store.write(add).await.unwrap();
    assert_eq!(noticed.load(Ordering::SeqCst), 0);

    let mut other = SqliteConnection::establish(folder.path().join("entrepot.db").to_str().unwrap()).unwrap();
    for times in 1..=2 {
        add(&mut other).unwrap();
        store.write(add).await.unwrap();
        assert_eq!(noticed.load(Ordering::SeqCst), times);
    }
}

/// Its caller has given up; that of the next write has not.
#[tokio::test]
async fn write_that_waited_too_long_is_refused() {
    let (store, _folder) = numbers().await;
    let (late, answer) = writer::job_since(Instant::now().checked_sub(Duration::from_mins(1)).unwrap(), add);
    store.0.writer.send(writer::Message::Job(late)).unwrap();
    store.write(add).await.unwrap();
    let answer = answer.await.unwrap();
    assert!(is_lost(&answer), "{answer:?}");
    assert_eq!(store.read(count).await.unwrap(), 1);
}
