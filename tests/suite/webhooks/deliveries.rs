//! What endpoints are sent.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use entrepot_tests::{Answer, Client, Received, Receiver, Reply, mail::mail, verifier::verify};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::PRIVATE;
use crate::start;

/// Far longer than anything takes that does not wait for a lease.
const PATIENCE: Duration = Duration::from_secs(30);

/// An endpoint that wants these types. Returns its path, and all that was told of it.
async fn endpoint(who: &Client, receiver: &Receiver, types: &[&str]) -> Result<(String, Value)> {
    let made = who.post("/webhooks", json!({"url": receiver.url(), "types": types})).await?.expect(201);
    Ok((format!("/webhooks/{}", made.id()), made.data().clone()))
}

/// Waits until the last delivery to an endpoint is as wanted.
async fn until(who: &Client, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let deliveries = who.get(&format!("{path}/deliveries")).await?.expect(200);
        if let Some(last) = deliveries.list().first().filter(|last| wanted(last)) {
            return Ok(last.clone());
        }
        ensure!(begun.elapsed() < PATIENCE, "{}", deliveries.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_status(who: &Client, path: &str, status: &str) -> Result<Value> {
    until(who, path, |last| last["status"] == status).await
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a receiver has a clock of its own")]
fn now() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?)
}

fn message(arrived: &Received) -> Vec<u8> {
    format!("{}.{}.{}", arrived.id, arrived.timestamp, arrived.body).into_bytes()
}

/// How many of the signatures are made with this secret.
fn signed_with(secret: &str, arrived: &Received) -> usize {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(&message(arrived));
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    arrived.signatures.split(' ').filter(|signature| **signature == expected).count()
}

/// How many of the signatures this key verifies.
fn verified_by(key: &str, arrived: &Received) -> usize {
    let key = BASE64_STANDARD.decode(key.strip_prefix("whpk_").unwrap()).unwrap();
    let key = VerifyingKey::from_bytes(key.as_slice().try_into().unwrap()).unwrap();
    let signatures = arrived.signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1a,"));
    let signatures = signatures.map(|text| Signature::from_slice(&BASE64_STANDARD.decode(text).unwrap()).unwrap());
    signatures.filter(|signature| key.verify(&message(arrived), signature).is_ok()).count()
}

#[tokio::test]
async fn event_is_delivered_and_signed() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let receiver = Receiver::willing().await?;
    let (path, made) = endpoint(&admin, &receiver, &["order.created"]).await?;
    let mug = admin.product("MUG", 295, 10).await?;
    let order = ada.order(&mug, 2).await?.expect(201);
    let arrived = receiver.wait_for(1).await?.remove(0);
    let event = arrived.event();
    assert_eq!((&event["type"], text(&event, "id")), (&json!("order.created"), arrived.id.as_str()));
    let expected = json!({
        "orderId": order.id(), "userId": ada.id(), "status": "pending",
        "total": {"amount": 590, "currency": "GBP"}, "version": 1,
    });
    assert_eq!(event["data"], expected);
    let now = now()?;
    assert!((now - 60..=now).contains(&arrived.timestamp), "{} at {now}", arrived.timestamp);
    assert_eq!((signed_with(text(&made, "secret"), &arrived), arrived.signatures.len()), (1, 47));
    verify(text(&made, "secret"), &arrived)?;
    let forged = Received { body: arrived.body.replace("590", "591"), ..arrived.clone() };
    assert!(verify(text(&made, "secret"), &forged).is_err());

    let delivery = until_status(&admin, &path, "succeeded").await?;
    assert_eq!((text(&delivery, "eventId"), text(&delivery, "type")), (arrived.id.as_str(), "order.created"));
    assert_eq!(delivery["nextAttemptAt"], Value::Null);
    let [attempt] = delivery["attempts"].as_array().unwrap().as_slice() else { panic!("{delivery}") };
    assert_eq!((&attempt["status"], &attempt["response"]), (&json!(200), &json!("thanks")));
    assert!(attempt["durationMs"].is_u64() && attempt["at"].is_string() && attempt.get("error").is_none());

    // Neither the product nor its stock, which are other types.
    ada.order(&mug, 1).await?.expect(201);
    let types: Vec<_> = receiver.wait_for(2).await?.iter().map(|arrived| arrived.event()["type"].clone()).collect();
    assert_eq!(types, ["order.created", "order.created"]);
    Ok(())
}

#[tokio::test]
async fn rotated_secret_is_good_beside_the_old_one() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let receiver = Receiver::willing().await?;
    let body = json!({"url": receiver.url(), "types": ["order.created"], "signing": "ed25519"});
    let made = staff.post("/webhooks", body).await?.expect(201);
    let path = format!("/webhooks/{}", made.id());
    let rotated = staff.call(&format!("{path}/secret")).await?.expect(200);
    let accepted = staff.call(&format!("{path}/test")).await?.expect(202);
    assert_eq!((text(accepted.data(), "type"), text(accepted.data(), "status")), ("webhook.test", "pending"));
    let arrived = receiver.wait_for(1).await?.remove(0);
    assert_eq!(arrived.event()["data"], json!({"webhookId": made.id()}));
    assert_eq!(arrived.signatures.split(' ').count(), 4);
    for keys in [made.data(), rotated.data()] {
        assert_eq!(signed_with(text(keys, "secret"), &arrived), 1);
        verify(text(keys, "secret"), &arrived)?;
        assert_eq!(verified_by(text(keys, "publicKey"), &arrived), 1);
    }
    Ok(())
}

#[tokio::test]
async fn test_is_sent_to_one_endpoint_alone() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let (one, other) = (Receiver::willing().await?, Receiver::willing().await?);
    let (path, _) = endpoint(&staff, &one, &["order.created"]).await?;
    let (other_path, _) = endpoint(&staff, &other, &["*"]).await?;
    staff.patch(&path, json!({"active": false})).await?.expect(200);
    staff.call(&format!("{path}/test")).await?.expect(202);
    assert_eq!(one.wait_for(1).await?[0].event()["type"], "webhook.test");
    until_status(&staff, &path, "succeeded").await?;
    assert!(staff.get(&format!("{other_path}/deliveries?status=pending")).await?.expect(200).list().is_empty());
    assert!(other.all().iter().all(|arrived| arrived.event()["type"] != "webhook.test"));
    Ok(())
}

#[tokio::test]
async fn failed_delivery_is_tried_again_after_seconds() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let replies = |number| match number {
        0 => Reply::Status(503, "busy"),
        _ => Reply::Status(204, ""),
    };
    let receiver = Receiver::start(replies).await?;
    let (path, made) = endpoint(&staff, &receiver, &["order.created"]).await?;
    staff.call(&format!("{path}/test")).await?.expect(202);
    let waiting = until(&staff, &path, |last| last["attempts"][0]["status"] == 503).await?;
    assert_eq!((&waiting["status"], waiting["nextAttemptAt"].is_string()), (&json!("pending"), true));
    let arrived = receiver.wait_for(2).await?;
    let gap = arrived[1].at - arrived[0].at;
    assert!((Duration::from_secs(4)..Duration::from_secs(9)).contains(&gap), "{gap:?}");
    assert_eq!((&arrived[0].id, &arrived[0].body), (&arrived[1].id, &arrived[1].body));
    assert!(arrived.iter().all(|arrived| signed_with(text(&made, "secret"), arrived) == 1));
    let delivery = until_status(&staff, &path, "succeeded").await?;
    let statuses: Vec<_> = delivery["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["status"]).collect();
    assert_eq!(statuses, [503, 204]);
    assert_eq!(delivery["attempts"][0]["response"], "busy");
    Ok(())
}

#[tokio::test]
async fn receiver_may_put_off_the_next_attempt() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let receiver = Receiver::start(|_| Reply::Header(429, "retry-after: 3600".into())).await?;
    let (path, _) = endpoint(&staff, &receiver, &["order.created"]).await?;
    staff.call(&format!("{path}/test")).await?.expect(202);
    let waiting = until(&staff, &path, |last| last["attempts"][0]["status"] == 429).await?;
    let next = chrono::DateTime::parse_from_rfc3339(text(&waiting, "nextAttemptAt"))?;
    let wait = next.timestamp() - now()?;
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    // Somebody who knows better may retry at once.
    let delivery = text(&waiting, "id");
    staff.call(&format!("{path}/deliveries/{delivery}/retry")).await?.expect(202);
    receiver.wait_for(2).await?;
    Ok(())
}

#[tokio::test]
async fn gone_receiver_is_deactivated() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let replies = |number| if number == 0 { Reply::Status(410, "gone") } else { Reply::Status(200, "back") };
    let receiver = Receiver::start(replies).await?;
    let (path, made) = endpoint(&admin, &receiver, &["order.created"]).await?;
    let mug = admin.product("MUG", 295, 10).await?;
    ada.order(&mug, 1).await?.expect(201);
    let dead = until_status(&admin, &path, "dead").await?;
    assert_eq!((&dead["nextAttemptAt"], &dead["attempts"][0]["status"]), (&Value::Null, &json!(410)));
    let shown = admin.get(&path).await?.expect(200);
    assert_eq!((&shown.data()["active"], shown.header("etag")), (&json!(false), "\"2\""));
    let log = admin.get(&format!("/admin/audit?subject={}&action=webhook.deactivated", text(&made, "id"))).await?;
    assert_eq!(log.expect(200).list()[0]["actor"], json!({"type": "system"}));
    let told = mail(&server, admin.email(), "webhook_deactivated").await?;
    assert!(told.text.contains(text(&made, "id")) && told.text.contains(text(&made, "url")), "{}", told.text);

    // It gets no more events, but what somebody sends by hand.
    ada.order(&mug, 1).await?.expect(201);
    admin.call(&format!("{path}/deliveries/{}/retry", text(&dead, "id"))).await?.expect(202);
    let arrived = receiver.wait_for(2).await?;
    assert_eq!((arrived.len(), &arrived[0].id), (2, &arrived[1].id));
    let again = until_status(&admin, &path, "succeeded").await?;
    assert_eq!((&again["id"], again["attempts"].as_array().map(Vec::len)), (&dead["id"], Some(2)));
    assert_eq!(admin.get(&format!("{path}/deliveries")).await?.expect(200).list().len(), 1);
    Ok(())
}

/// A receiver that never answers, one that closes, one without an end, and one where nobody listens.
#[tokio::test]
async fn bad_receivers_do_not_hold_up_the_others() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let (silent, closing) = (Receiver::start(|_| Reply::Nothing).await?, Receiver::start(|_| Reply::Close).await?);
    let (endless, good) = (Receiver::start(|_| Reply::Endless).await?, Receiver::willing().await?);
    for bad in [&silent, &closing] {
        endpoint(&admin, bad, &["*"]).await?;
    }
    let nobody = json!({"url": super::NOBODY, "types": ["*"]});
    admin.post("/webhooks", nobody).await?.expect(201);
    let (endless_path, _) = endpoint(&admin, &endless, &["order.created"]).await?;
    endpoint(&admin, &good, &["order.created"]).await?;
    let mug = admin.product("MUG", 295, 100).await?;
    for number in 1..=10 {
        let order = ada.order(&mug, 1).await?.expect(201);
        let placed = Instant::now();
        let arrived = good.wait_for(number).await?;
        assert_eq!(arrived[number - 1].event()["data"]["orderId"], json!(order.id()));
        let took = arrived[number - 1].at.saturating_duration_since(placed);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    assert!(!silent.all().is_empty() && !closing.all().is_empty());
    let delivery = until_status(&admin, &endless_path, "succeeded").await?;
    let response = text(&delivery["attempts"][0], "response");
    assert_eq!((response.len(), response.starts_with("more more")), (1_024, true));
    Ok(())
}

#[tokio::test]
async fn redirect_is_not_followed() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let other = Receiver::willing().await?;
    let location = format!("location: {}", other.url());
    let receiver = Receiver::start(move |_| Reply::Header(307, location.clone())).await?;
    let (path, _) = endpoint(&staff, &receiver, &["order.created"]).await?;
    staff.call(&format!("{path}/test")).await?.expect(202);
    let failed = until(&staff, &path, |last| last["attempts"][0]["status"] == 307).await?;
    assert_eq!(
        (text(&failed, "status"), text(&failed["attempts"][0], "error")),
        ("pending", "redirects are not followed")
    );
    assert!(other.all().is_empty());
    Ok(())
}

/// Also if it was allowed when the endpoint was made.
#[tokio::test]
async fn private_address_is_not_called() -> Result<()> {
    let mut server = start(&[PRIVATE]).await?;
    let staff = server.staff().await?;
    let receiver = Receiver::willing().await?;
    let (path, _) = endpoint(&staff, &receiver, &["order.created"]).await?;
    server.restart_with(&[("WEBHOOK_ALLOW_PRIVATE", "false")])?;
    let staff = server.again(&staff);
    staff.call(&format!("{path}/test")).await?.expect(202);
    let failed = until(&staff, &path, |last| last["attempts"][0].is_object()).await?;
    assert_eq!(failed["attempts"][0]["status"], Value::Null);
    assert!(text(&failed["attempts"][0], "error").contains("private"), "{failed}");
    assert!(receiver.all().is_empty());
    Ok(())
}

/// In the middle of an attempt, and with events that nobody has dispatched.
#[tokio::test]
async fn killed_server_delivers_after_its_restart() -> Result<()> {
    let mut server = start(&[PRIVATE]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let replies = |number| if number == 0 { Reply::Nothing } else { Reply::Status(200, "") };
    let receiver = Receiver::start(replies).await?;
    let (path, _) = endpoint(&admin, &receiver, &["order.created"]).await?;
    let mug = admin.product("MUG", 295, 100).await?;
    let first = ada.order(&mug, 1).await?.expect(201).id();
    receiver.wait_for(1).await?;
    let second = ada.order(&mug, 1).await?.expect(201).id();
    server.kill()?;
    let killed = Instant::now();
    server.restart()?;
    let orders = |arrived: Vec<Received>| -> Vec<Value> {
        arrived.iter().map(|arrived| arrived.event()["data"]["orderId"].clone()).collect()
    };
    let mut count = 2;
    let arrived = loop {
        let arrived = orders(receiver.wait_for(count).await?);
        if arrived[1..].contains(&json!(first)) && arrived[1..].contains(&json!(second)) {
            break arrived;
        }
        count = arrived.len() + 1;
    };
    assert!(killed.elapsed() < Duration::from_secs(40), "a lease is 30 seconds: {:?}", killed.elapsed());
    assert!(arrived.iter().all(|order| *order == json!(first) || *order == json!(second)));
    let admin = server.again(&admin);
    until_status(&admin, &path, "succeeded").await?;
    Ok(())
}

#[tokio::test]
async fn deliveries_are_listed() -> Result<()> {
    let server = start(&[PRIVATE]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let receiver = Receiver::willing().await?;
    let (path, _) = endpoint(&staff, &receiver, &["user.deleted"]).await?;
    for _ in 0..3 {
        staff.call(&format!("{path}/test")).await?.expect(202);
    }
    receiver.wait_for(3).await?;
    let list = format!("{path}/deliveries");
    let begun = Instant::now();
    let all: Answer = loop {
        let all = staff.get(&format!("{list}?status=succeeded")).await?.expect(200);
        if all.list().len() == 3 {
            break all;
        }
        ensure!(begun.elapsed() < PATIENCE, "{}", all.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(all.body["pagination"]["total"], 3);
    let by_cursor = staff.all(&list).await?;
    let ids: Vec<_> = by_cursor.iter().map(|delivery| text(delivery, "id").to_owned()).collect();
    assert_eq!(ids, all.each("id"));
    assert!(staff.get(&format!("{list}?status=dead")).await?.expect(200).list().is_empty());
    staff.get(&format!("{list}?status=odd&limit=0")).await?.invalid(&["status", "limit"]);
    staff.get(&format!("{list}?cursor=forged")).await?.error(400, "invalid_cursor");

    let id = ids.first().context("no delivery")?;
    let (other, _) = endpoint(&staff, &receiver, &["user.deleted"]).await?;
    for path in [format!("{other}/deliveries/{id}/retry"), format!("{path}/deliveries/{}/retry", ada.id())] {
        staff.call(&path).await?.error(404, "not_found");
    }
    for path in [format!("{path}/test"), format!("{path}/deliveries/{id}/retry")] {
        ada.call(&path).await?.error(403, "forbidden");
    }
    ada.get(&list).await?.error(403, "forbidden");
    staff.delete(&path).await?.expect(204);
    staff.get(&list).await?.error(404, "not_found");
    staff.call(&format!("{path}/test")).await?.error(404, "not_found");
    staff.call(&format!("{path}/deliveries/{id}/retry")).await?.error(404, "not_found");
    assert!(server.admin().await?.metric("webhook_attempts_total{outcome=\"succeeded\"}").await? >= 0.0);
    Ok(())
}
