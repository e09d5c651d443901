//! Writes in progress on an instance that is stopped are committed, and the other instance sees them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Server, Wire, stores};
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use super::{apart, start};

/// Longer than anything here takes, except what waits for the lock of the test.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many changes wait for a lock.
async fn waiting(server: &Server) -> Result<usize> {
    let waits =
        "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    Ok(stores::ask(server, waits).await?.len())
}

/// Sends a change to A, and closes the connection before the response.
async fn begun(server: &Server, method: &str, path: &str, token: &str, body: &Value) -> Result<Wire> {
    let body = body.to_string();
    let mut wire = Wire::to(server.address()).await?;
    wire.say(format!(
        "{method} /api/v1{path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await?;
    Ok(wire)
}

/// Both changes are being executed by the database when their clients vanish and A is told to stop: they are committed,
/// and B, which has the old values in its cache, returns the new ones once A has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_vanished_clients_are_committed_before_the_stop() -> Result<()> {
    let mut server = start(&[("SHUTDOWN_GRACE", "0")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let [mug, cup] = [admin.product("MUG", 295, 10).await?, admin.product("CUP", 195, 10).await?];
    let [of_a, of_b] = apart(&server, &admin);
    let [mug, cup] = [mug, cup].map(|id| (format!("/products/{id}"), id));
    for instance in [&of_a, &of_b, &of_b] {
        for (path, _) in [&mug, &cup] {
            instance.get(path).await?.expect(200);
        }
    }

    let url = server.setting("DATABASE_URL").context("no database")?.to_owned();
    let (mut database, connection) = tokio_postgres::connect(&url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let held = database.transaction().await?;
    held.execute("SELECT FROM products FOR UPDATE", &[]).await?;
    let order = json!({"items": [{"productId": cup.1, "quantity": 3}]});
    let changes = [
        begun(&server, "PATCH", &mug.0, admin.token(), &json!({"name": "Another mug"})).await?,
        begun(&server, "POST", "/orders", ada.token(), &order).await?,
    ];
    let began = Instant::now();
    while waiting(&server).await? < 2 {
        ensure!(began.elapsed() < PATIENCE, "not both are in the middle of it");
    }
    changes.into_iter().try_for_each(Wire::vanish)?;
    // This is the only one that is left.
    while of_a.metric("http_requests_in_flight").await? > 1.5 {
        ensure!(began.elapsed() < PATIENCE, "A does not notice that its clients have gone");
    }
    server.terminate_one(0)?;
    server.printed("stopping").await?;
    assert_eq!(waiting(&server).await?, 2, "they are still in the middle of it");
    held.rollback().await?;
    assert_eq!(server.wait_for_one(0)?.code(), Some(0));

    assert_eq!(of_b.get(&mug.0).await?.expect(200).data()["name"], "Another mug");
    assert_eq!(of_b.stock(&cup.1).await?, 7);
    let orders = of_b.all("/orders").await?;
    assert_eq!(orders.len(), 1, "{orders:?}");
    let events = of_b.get(&format!("/orders/{}/events", orders[0]["id"].as_str().unwrap())).await?.expect(200);
    assert_eq!(events.list().len(), 1, "{events:?}");
    drop(database);
    connection.await??;
    Ok(())
}
