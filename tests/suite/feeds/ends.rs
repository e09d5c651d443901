//! How feeds end.

use std::time::{Duration, Instant};

use anyhow::Result;
use entrepot_tests::{
    Client,
    feed::{Sse, Ws},
};
use serde_json::json;
use tokio::time::timeout;

use super::{Either, id, log};
use crate::start;

/// A feed of either kind, which has to end because of what happens next.
async fn both(client: &Client) -> Result<(Sse, Ws)> {
    Ok((Sse::open(client, "", None).await?, Ws::open(client, "").await?))
}

async fn have_ended((mut sse, mut ws): (Sse, Ws)) -> Result<()> {
    let began = Instant::now();
    assert_eq!(ws.closed().await?, 1008);
    sse.ended().await?;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn feeds_end_with_their_session() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let other = ada.again().await?;
    let (feeds, mut stays) = (both(&ada).await?, Ws::open(&other, "").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    ada.post("/auth/logout", json!({"refreshToken": ada.refresh_token()})).await?.expect(204);
    have_ended(feeds).await?;
    let order = other.order(&mug, 1).await?.expect(201).id();
    assert_eq!(stays.next().await?["data"]["orderId"], order);

    let feeds = both(&other.again().await?).await?;
    other
        .patch(&format!("/users/{}", ada.id()), json!({"password": "another one", "currentPassword": ada.password()}))
        .await?
        .expect(200);
    have_ended(feeds).await?;

    let feeds = both(&other).await?;
    admin.put(&format!("/users/{}/roles", ada.id()), json!({"roles": ["staff"]})).await?.expect(200);
    have_ended(feeds).await?;
    let feeds = both(&other).await?;
    admin.delete(&format!("/users/{}", ada.id())).await?.expect(204);
    have_ended(feeds).await
}

#[tokio::test]
async fn feeds_end_with_their_key() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let key = staff.post("/auth/api-keys", json!({"name": "till", "scopes": ["events:read"]})).await?.expect(201);
    let holder = staff.with_token(key.data()["key"].as_str().unwrap());
    let feeds = both(&holder).await?;
    staff.delete(&format!("/auth/api-keys/{}", key.id())).await?.expect(204);
    have_ended(feeds).await
}

#[tokio::test]
async fn expiry_of_an_access_token_ends_no_feed() -> Result<()> {
    let server = start(&[("ACCESS_TOKEN_TTL", "5s")]).await?;
    let staff = server.staff().await?.again().await?;
    let mut feeds = Either::both(&staff, "", None).await?;
    let began = Instant::now();
    while staff.get("/users/me").await?.status == 200 {
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    // For longer than it takes to find out that a session has ended.
    for feed in &mut feeds {
        let nothing = timeout(Duration::from_secs(3), feed.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }
    staff.again().await?.product("MUG", 295, 10).await?;
    for feed in &mut feeds {
        assert_eq!(feed.next().await?["type"], "product.created");
    }
    Ok(())
}

#[tokio::test]
async fn long_messages_close_a_socket() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let text = |length: usize| format!("{{\"type\":\"subscribe\"{}}}", " ".repeat(length - 20));
    let mut feed = Ws::open(&staff, "").await?;
    feed.say(text(4_096)).await?;
    assert_eq!(feed.next().await?, json!({"type": "subscribed"}));
    feed.say(text(4_097)).await?;
    assert_eq!(feed.closed().await?, 1009);
    let mut feed = Ws::open(&staff, "").await?;
    // A frame that is too long to be kept.
    feed.say(text(10_000_000)).await.ok();
    assert!(feed.closed().await.is_ok_and(|code| code == 1009) || server.peak_memory()? < 100 << 20);
    let peak = server.peak_memory()?;
    assert!(peak < 200 << 20, "{peak} bytes were resident");
    Ok(())
}

/// Its events fill what the system keeps for a connection, and more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_does_not_read_is_dropped() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mut items = Vec::new();
    for n in 0..100 {
        items.push(json!({"productId": staff.product(&format!("MUG-{n}"), 295, 1_000_000).await?, "quantity": 1}));
    }
    let mut slow = Ws::open(&staff, "").await?;
    let mut quick = Ws::open(&staff, "").await?;
    let reads = tokio::spawn(async move {
        let mut count = 0;
        while count < 40_000 {
            quick.next().await?;
            count += 1;
        }
        anyhow::Ok(())
    });
    for _ in 0..400 {
        ada.post("/orders", json!({"items": items})).await?.expect(201);
    }
    reads.await??;
    match slow.closed().await {
        Ok(code) => assert_eq!(code, 1013),
        // On a slow machine the connection itself is closed before there is room for the frame: after half a minute in
        // which nothing was read.
        Err(error) => assert!(error.to_string().contains("reset"), "{error:#}"),
    }
    Ok(())
}

/// Each feed is told, and goes on where the server is back.
#[tokio::test]
async fn stop_ends_feeds_at_once_and_loses_nothing() -> Result<()> {
    let mut server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 1_000).await?;
    let last = id(log(&staff).await?.last().unwrap()).to_owned();
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        sockets.push(Ws::open(&staff, "").await?);
        streams.push(Sse::open(&staff, "", None).await?);
    }
    ada.order(&mug, 1).await?.expect(201);
    let began = Instant::now();
    server.terminate()?;
    for socket in &mut sockets {
        assert_eq!(socket.closed().await?, 1001);
    }
    for stream in &mut streams {
        stream.ended().await?;
    }
    drop((sockets, streams));
    server.wait()?;
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    server.restart()?;
    let staff = server.again(&staff);
    for mut feed in Either::both(&staff, "", Some(&last)).await? {
        let types: Vec<_> = feed.take(2).await?.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(types, ["order.created", "product.stock_changed"]);
    }
    Ok(())
}
