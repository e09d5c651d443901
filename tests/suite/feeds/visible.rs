//! Who sees what, and how it looks.

use anyhow::Result;
use entrepot_tests::feed::{Sse, Ws};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use super::{Either, id, log};
use crate::start;

#[tokio::test]
async fn feeds_and_log_show_the_same_events() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let [mut sse, mut ws] = Either::both(&staff, "", None).await?;
    let mug = staff.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 2).await?.expect(201).id();
    staff.call(&format!("/orders/{order}/pay")).await?.expect(200);
    ada.call(&format!("/orders/{order}/cancel")).await?.expect(200);
    let seen = sse.take(6).await?;
    assert_eq!(seen, ws.take(6).await?);
    let types: Vec<_> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected =
        ["product.created", "order.created", "product.stock_changed", "order.status_changed", "order.status_changed"];
    assert_eq!(types[..5], expected);
    assert_eq!(types[5], "product.stock_changed");
    let [_, placed, taken, paid, ..] = seen.as_slice() else { panic!() };
    let total = json!({"amount": 590, "currency": "GBP"});
    let data = json!({"orderId": order, "userId": ada.id(), "status": "pending", "total": total, "version": 1});
    assert_eq!(placed["data"], data);
    let data = json!({"orderId": order, "userId": ada.id(), "from": "pending", "to": "paid", "version": 2});
    assert_eq!(paid["data"], data);
    let data = json!({"productId": mug, "sku": "MUG", "delta": -2, "stock": 8, "reason": "order.placed",
        "orderId": order, "version": 2});
    assert_eq!(taken["data"], data);
    assert!(placed["timestamp"].as_str().unwrap().ends_with('Z'), "{placed}");
    let log = log(&staff).await?;
    assert!(log.is_sorted_by_key(|event| id(event).to_owned()));
    assert!(log.ends_with(&seen), "{log:#?}");
    Ok(())
}

#[tokio::test]
async fn customers_see_the_orders_that_they_placed() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let eve = server.customer("eve@example.com").await?;
    let mug = staff.product("MUG", 295, 10).await?;
    let hers = ada.order(&mug, 1).await?.expect(201).id();
    let last = id(log(&staff).await?.last().unwrap()).to_owned();
    let live = Either::both(&eve, "", None).await?;
    ada.order(&mug, 1).await?.expect(201);
    let own = eve.order(&mug, 1).await?.expect(201).id();
    // What she missed is the same: her own orders, and nothing of another's.
    for mut feed in live.into_iter().chain(Either::both(&eve, "", Some(&last)).await?) {
        assert_eq!(feed.next().await?["data"]["orderId"], own);
    }
    for mut feed in Either::both(&eve, &format!("?orderId={hers}"), Some(&last)).await? {
        staff.call(&format!("/orders/{hers}/pay")).await?;
        let nothing = timeout(Duration::from_millis(500), feed.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }
    eve.get("/events/log").await?.error(403, "forbidden");
    Ok(())
}

#[tokio::test]
async fn filters_narrow_a_feed() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    let by_type = Either::both(&staff, "?types=order.status_changed,product.archived", None).await?;
    let by_order = Either::both(&staff, &format!("?orderId={order}"), None).await?;
    ada.order(&mug, 1).await?.expect(201);
    ada.call(&format!("/orders/{order}/cancel")).await?.expect(200);
    staff.delete(&format!("/products/{mug}")).await?.expect(204);
    for mut feed in by_type {
        let events = feed.take(2).await?;
        assert_eq!([&events[0]["type"], &events[1]["type"]], ["order.status_changed", "product.archived"]);
    }
    for mut feed in by_order {
        let events = feed.take(2).await?;
        assert_eq!([&events[0]["type"], &events[1]["type"]], ["order.status_changed", "product.stock_changed"]);
        assert_eq!(events[1]["data"]["reason"], "order.cancelled");
    }
    for (path, field) in [
        ("/events?types=order.made", "types"),
        ("/events?orderId=7", "orderId"),
        ("/events/log?type=order.made", "type"),
        ("/events/log?after=7", "after"),
        ("/events/log?after=00000000000003e800000-00000001", "after"),
        ("/events/log?limit=101", "limit"),
    ] {
        staff.get(path).await?.invalid(&[field]);
    }
    let created = staff.get("/events/log?type=order.created&limit=1").await?.expect(200);
    let (next, first) = (&created.body["pagination"]["nextCursor"], &created.list()[0]);
    assert_eq!((next, &first["type"]), (&first["id"], &json!("order.created")));
    assert!(created.header("link").contains("rel=\"next\""), "{created:?}");
    let rest = staff.get(&format!("/events/log?type=order.created&after={}", id(first))).await?.expect(200);
    assert_eq!((rest.list().len(), &rest.body["pagination"]["nextCursor"]), (1, &Value::Null));
    Ok(())
}

#[tokio::test]
async fn answers_of_feeds_are_neither_buffered_nor_kept() -> Result<()> {
    let server = start(&[("REQUEST_TIMEOUT", "1s")]).await?;
    let staff = server.staff().await?;
    let mut feed = Sse::open(&staff, "", None).await?;
    assert_eq!(feed.header("content-type"), "text/event-stream");
    assert_eq!((feed.header("x-accel-buffering"), feed.header("content-encoding")), ("no", ""));
    assert!(feed.header("cache-control").contains("no-store"));
    // Longer than a request may take.
    let comment = feed.block().await?.unwrap();
    assert!(comment.has_comment && comment.data.is_null(), "{comment:?}");
    staff.product("MUG", 295, 10).await?;
    assert_eq!(feed.event().await?["type"], "product.created");
    Ok(())
}

#[tokio::test]
async fn ticket_opens_one_feed() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, nobody) = (server.staff().await?, server.anonymous());
    nobody.call("/auth/ticket").await?.error(401, "missing_token");
    nobody.get("/events").await?.error(401, "missing_token");
    let answer = staff.call("/auth/ticket").await?.expect(200);
    assert_eq!(answer.data()["expiresIn"], 30);
    let ticket = answer.data()["ticket"].as_str().unwrap().to_owned();
    let mut feed = Sse::open(&nobody, &format!("?ticket={ticket}"), None).await?;
    nobody.get(&format!("/events?ticket={ticket}")).await?.error(401, "invalid_token");
    assert_eq!(Ws::with(&nobody, &format!("?ticket={ticket}"), &[]).await.err(), Some(401));
    staff.product("MUG", 295, 10).await?;
    assert_eq!(feed.event().await?["type"], "product.created");
    let ticket = staff.call("/auth/ticket").await?.expect(200).data()["ticket"].as_str().unwrap().to_owned();
    let mut feed = Ws::open(&nobody, &format!("?ticket={ticket}")).await?;
    staff.product("CUP", 295, 10).await?;
    assert_eq!(feed.next().await?["type"], "product.created");
    Ok(())
}

#[tokio::test]
async fn keys_need_the_scope() -> Result<()> {
    let server = start(&[]).await?;
    let staff = server.staff().await?;
    let key = async |scope: &str| {
        let key = staff.post("/auth/api-keys", json!({"name": "till", "scopes": [scope]})).await?.expect(201);
        anyhow::Ok(staff.with_token(key.data()["key"].as_str().unwrap()))
    };
    let (other, reader) = (key("orders:read").await?, key("events:read").await?);
    for path in ["/events", "/events/log"] {
        other.get(path).await?.error(403, "insufficient_scope");
    }
    other.call("/auth/ticket").await?.error(403, "insufficient_scope");
    assert_eq!(Ws::with(&other, "", &[]).await.err(), Some(403));
    reader.get("/events/log").await?.expect(200);
    let ticket = reader.call("/auth/ticket").await?.expect(200).data()["ticket"].as_str().unwrap().to_owned();
    let mut feed = Ws::open(&server.anonymous(), &format!("?ticket={ticket}")).await?;
    staff.product("MUG", 295, 10).await?;
    assert_eq!(feed.next().await?["type"], "product.created");
    Ok(())
}

#[tokio::test]
async fn pages_of_other_origins_open_no_feed() -> Result<()> {
    let server = start(&[("ALLOWED_ORIGINS", "https://shop.example")]).await?;
    let staff = server.staff().await?;
    let staff = staff.at(&server.url());
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"] {
        assert_eq!(Ws::with(&staff, "", &[("origin", foreign)]).await.err(), Some(403), "{foreign}");
        let answer = staff.with(Method::GET, "/events", ("origin", foreign), None).await?;
        answer.error(403, "forbidden");
    }
    for own in ["https://shop.example", &server.url()] {
        Ws::with(&staff, "", &[("origin", own)]).await.unwrap();
    }
    Ok(())
}
