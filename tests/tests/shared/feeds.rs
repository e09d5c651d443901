//! Live feeds over two instances.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{
    Client,
    feed::{Sse, Ws},
};
use serde_json::{Value, json};
use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{apart, start};

/// How many feeds of each kind there are.
const FEEDS: usize = 100;

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap_or_default().to_owned()
}

fn is_last(event: &Value) -> bool {
    event["data"]["sku"] == "LAST"
}

/// Follows A until it ends the feed, and then B, by server-sent events.
async fn stream(a: Client, b: Client, ready: Arc<Barrier>) -> Result<Vec<String>> {
    let mut feed = Sse::open(&a, "", None).await?;
    ready.wait().await;
    let mut ids: Vec<String> = Vec::new();
    while let Some(block) = feed.block().await? {
        ids.extend(block.id);
    }
    let mut feed = Sse::open(&b, "", ids.last().map(String::as_str)).await?;
    loop {
        let event = feed.event().await?;
        ids.push(id(&event));
        if is_last(&event) {
            return Ok(ids);
        }
    }
}

/// The same by WebSocket.
async fn socket(a: Client, b: Client, ready: Arc<Barrier>) -> Result<Vec<String>> {
    let mut feed = Ws::open(&a, "").await?;
    ready.wait().await;
    let mut ids: Vec<String> = Vec::new();
    let code = loop {
        match feed.event().await? {
            Ok(event) => ids.push(id(&event)),
            Err(code) => break code,
        }
    };
    ensure!(code == 1001, "closed with {code}");
    let mut feed = Ws::open(&b, "").await?;
    feed.subscribe(json!({"lastEventId": ids.last().context("nothing came before the stop")?})).await?;
    loop {
        let event = feed.next().await?;
        ids.push(id(&event));
        if is_last(&event) {
            return Ok(ids);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_of_a_stopped_instance_go_on_at_the_other() -> Result<()> {
    let mut server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let ([a, b], [_, ada]) = (apart(&server, &staff), apart(&server, &ada));
    let mug = b.product("MUG", 295, 1_000).await?;
    let log = |after: String| {
        let b = b.clone();
        async move { Ok::<_, anyhow::Error>(b.get(&format!("/events/log?limit=100&after={after}")).await?.expect(200)) }
    };
    let first = id(log(String::new()).await?.list().last().context("an empty log")?);
    let ready = Arc::new(Barrier::new(2 * FEEDS + 1));
    let mut feeds = JoinSet::new();
    for _ in 0..FEEDS {
        feeds.spawn(stream(a.clone(), b.clone(), ready.clone()));
        feeds.spawn(socket(a.clone(), b.clone(), ready.clone()));
    }
    timeout(Duration::from_secs(30), ready.wait()).await.context("not all feeds were opened")?;
    for n in 0..20 {
        ada.order(&mug, 1).await?.expect(201);
        if n == 10 {
            server.terminate_one(0)?;
        }
    }
    let stopped = Instant::now();
    server.wait_for_one(0)?;
    assert!(stopped.elapsed() < Duration::from_secs(6), "{:?}", stopped.elapsed());
    b.product("LAST", 1, 1).await?;
    let followed = feeds.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    let expected: Vec<_> = log(first).await?.list().iter().map(id).collect();
    assert_eq!(expected.len(), 41);
    assert!(followed.iter().all(|ids| *ids == expected), "an event was missed, or came twice");
    Ok(())
}

/// An event of one instance reaches the feeds of the other at once.
#[tokio::test]
async fn events_of_one_instance_reach_the_feeds_of_the_other() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let [a, b] = apart(&server, &staff);
    let mut feed = Ws::open(&a, "").await?;
    for n in 0..20 {
        b.product(&format!("MUG-{n}"), 295, 1_000).await?;
        let began = Instant::now();
        feed.next().await?;
        assert!(began.elapsed() < Duration::from_millis(900), "it was polled for: {:?}", began.elapsed());
    }
    Ok(())
}

/// Whatever instance ends the session.
#[tokio::test]
async fn feeds_end_with_a_session_that_another_instance_ends() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let [a, b] = apart(&server, &ada);
    let mut feed = Ws::open(&a, "").await?;
    b.delete("/auth/sessions").await?.expect(204);
    assert_eq!(feed.closed().await?, 1008);
    Ok(())
}
