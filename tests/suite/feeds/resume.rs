//! Resuming: each event once and in order.

use anyhow::Result;
use entrepot_tests::feed::Ws;
use serde_json::json;
use tokio::task::JoinSet;

use super::{Either, id, log};
use crate::start;

/// Feeds are opened at every event of the log, while more is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resumed_feed_has_each_event_once_and_in_order() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 1_000).await?;
    for _ in 0..20 {
        ada.order(&mug, 1).await?.expect(201);
    }
    let before = log(&staff).await?;
    let writers: JoinSet<_> = (0..4)
        .map(|_| {
            let (ada, mug) = (ada.clone(), mug.clone());
            async move {
                for _ in 0..15 {
                    ada.order(&mug, 1).await?.expect(201);
                }
                anyhow::Ok(())
            }
        })
        .collect();
    let mut feeds = Vec::new();
    for last in before.iter().step_by(7) {
        let feed = Either::both(&staff, "", Some(id(last))).await?;
        feeds.extend(feed.map(|feed| (id(last).to_owned(), feed)));
    }
    for written in writers.join_all().await {
        written?;
    }
    staff.product("LAST", 1, 1).await?;
    let all = log(&staff).await?;
    for (last, mut feed) in feeds {
        let seen = feed.until(|event| event["data"]["sku"] == "LAST").await?;
        let start = all.iter().position(|event| id(event) == last).unwrap() + 1;
        assert_eq!(seen, all[start..], "after {last}");
    }
    Ok(())
}

#[tokio::test]
async fn feed_that_cannot_go_on_begins_with_a_reset() -> Result<()> {
    let server = start(&[("EVENT_RETENTION", "2s")]).await?;
    let staff = server.staff().await?;
    staff.product("OLD", 295, 10).await?;
    let old = log(&staff).await?.pop().unwrap();
    let made_up = format!("{}-00000001", &id(&old)[..21]);
    let later = "00000000000003e800000-00000001".to_owned();
    for unknown in ["yesterday".to_owned(), made_up, later] {
        for mut feed in Either::both(&staff, "", Some(&unknown)).await? {
            assert_eq!(feed.next().await?, json!({"type": "reset", "reason": "unknown"}), "{unknown}");
        }
    }
    while log(&staff).await?.contains(&old) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for mut feed in Either::both(&staff, "", Some(id(&old))).await? {
        assert_eq!(feed.next().await?, json!({"type": "reset", "reason": "expired"}));
    }
    let mut feeds = Either::both(&staff, "", Some("yesterday")).await?;
    staff.product("NEW", 295, 10).await?;
    for feed in &mut feeds {
        assert_eq!(feed.next().await?["type"], "reset");
        assert_eq!(feed.next().await?["data"]["sku"], "NEW", "it goes on");
    }
    Ok(())
}

#[tokio::test]
async fn subscription_replaces_what_is_followed() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 10).await?;
    let first = id(log(&staff).await?.first().unwrap()).to_owned();
    let mut feed = Ws::open(&staff, "?types=user.deleted").await?;
    feed.subscribe(json!({"types": ["order.created"]})).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    assert_eq!(feed.next().await?["data"]["orderId"], order);
    feed.subscribe(json!({"types": ["product.created", "order.created"], "lastEventId": first})).await?;
    assert_eq!(
        [feed.next().await?["type"].clone(), feed.next().await?["type"].clone()],
        ["product.created", "order.created"]
    );
    feed.subscribe(json!({"lastEventId": "yesterday"})).await?;
    assert_eq!(feed.next().await?, json!({"type": "reset", "reason": "unknown"}));
    feed.subscribe(json!({"orderId": order})).await?;
    for (bad, code, words) in [
        ("", "malformed_json", ""),
        ("{", "malformed_json", ""),
        ("[]", "validation_failed", ""),
        (r#"{"type":"unsubscribe"}"#, "validation_failed", "type"),
        (r#"{"types":["order.created"]}"#, "validation_failed", "type"),
        (r#"{"type":"subscribe","types":["order.made"]}"#, "validation_failed", "types[0]"),
        (r#"{"type":"subscribe","orderId":"7"}"#, "validation_failed", "orderId"),
        (r#"{"type":"subscribe","from":"7"}"#, "validation_failed", "from"),
    ] {
        feed.say(bad).await?;
        let answer = feed.next().await?;
        assert_eq!((answer["type"].as_str(), answer["code"].as_str()), (Some("error"), Some(code)), "{bad}: {answer}");
        assert!(answer["message"].as_str().unwrap().starts_with(words), "{bad}: {answer}");
    }
    // None of it changed anything.
    ada.order(&mug, 1).await?.expect(201);
    staff.call(&format!("/orders/{order}/pay")).await?.expect(200);
    assert_eq!(feed.next().await?["data"]["to"], "paid");
    Ok(())
}
