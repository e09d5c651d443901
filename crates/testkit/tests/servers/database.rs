//! A database for each test, and the templates that they are copied from.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::Database;

use super::{MIGRATIONS, connect, migrate, number};

#[tokio::test]
async fn databases_are_separate_and_their_template_is_filled_once() -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(Database::new(migrate));
    }
    let databases = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(MIGRATIONS.load(Ordering::Relaxed), 1);
    let mut clients = Vec::new();
    for database in &databases {
        let client = connect(database.url()).await?;
        assert_eq!(client.execute("INSERT INTO things VALUES (1)", &[]).await?, 1);
        clients.push(client);
    }
    let urls: Vec<String> = databases.iter().map(|database| database.url().to_owned()).collect();

    // Also with an open connection.
    drop(databases);
    for url in urls {
        let refused = connect(&url).await.err().context("the database is still there")?;
        assert!(format!("{refused:#}").contains("does not exist"), "{refused:#}");
    }
    Ok(())
}

#[tokio::test]
async fn another_migration_gets_another_template() -> Result<()> {
    let other = Database::new(|url| async move {
        let client = connect(&url).await?;
        Ok(client.batch_execute("CREATE TABLE others (id bigint)").await?)
    });
    let (other, empty) = (other.await?, Database::empty().await?);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'others'";
    assert_eq!(number(&connect(other.url()).await?, tables).await?, 1);
    assert_eq!(number(&connect(empty.url()).await?, tables).await?, 0);
    Ok(())
}

#[tokio::test]
async fn failed_template_reports_why_and_is_filled_again() -> Result<()> {
    static MAX_TRIES: AtomicUsize = AtomicUsize::new(0);
    let fails = async |_: String| {
        ensure!(MAX_TRIES.fetch_add(1, Ordering::Relaxed) > 0, "the first time fails");
        Ok(())
    };
    let refused = Database::new(fails).await.err().context("it does not fail")?;
    assert!(format!("{refused:#}").contains("the first time fails"), "{refused:#}");
    Database::new(fails).await?;
    Ok(())
}
