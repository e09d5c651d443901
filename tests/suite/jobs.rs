//! Background jobs: what admins see of them, and orders that are not paid in time.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_tests::{Client, jobs};
use serde_json::{Value, json};

use crate::start;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn until_cancelled(client: &Client, order: &str) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let shown = client.get(&format!("/orders/{order}")).await?.expect(200);
        if shown.data()["status"] == "cancelled" {
            return Ok(shown.data().clone());
        }
        ensure!(begun.elapsed() < PATIENCE, "it was not cancelled: {}", shown.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn unpaid_order_is_cancelled_in_time_and_gives_its_stock_back_once() -> Result<()> {
    let ttl = Duration::from_secs(2);
    let server = start(&[("ORDER_PENDING_TTL", "2s")]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let (paid, unpaid) = (ada.order(&mug, 2).await?.expect(201).id(), ada.order(&mug, 3).await?.expect(201).id());
    let placed = Instant::now();
    admin.call(&format!("/orders/{paid}/pay")).await?.expect(200);
    let order = until_cancelled(&ada, &unpaid).await?;
    let waited = placed.elapsed();
    assert!(waited + Duration::from_millis(100) > ttl && waited < ttl + Duration::from_secs(5), "{waited:?}");
    assert_eq!((&order["version"], ada.stock(&mug).await?), (&json!(2), 8));

    let events = ada.get(&format!("/orders/{unpaid}/events")).await?.expect(200);
    let told: Vec<_> = events.list().iter().map(|event| (&event["type"], &event["actorId"])).collect();
    assert_eq!(told, [(&json!("order.created"), &json!(ada.id())), (&json!("order.status_changed"), &Value::Null)]);
    let log = admin.get(&format!("/admin/audit?subject={unpaid}")).await?.expect(200);
    assert_eq!(log.list().len(), 1);
    let entry = &log.list()[0];
    assert_eq!((&entry["actor"], &entry["address"]), (&json!({"type": "system"}), &Value::Null));
    assert_eq!(entry["changes"], json!([{"field": "status", "before": "pending", "after": "cancelled"}]));

    // Another sweep finds nothing, and leaves no job behind.
    let later = ada.order(&mug, 1).await?.expect(201).id();
    until_cancelled(&ada, &later).await?;
    assert_eq!(ada.stock(&mug).await?, 8);
    assert_eq!(admin.get(&format!("/orders/{paid}")).await?.expect(200).data()["status"], "paid");
    let begun = Instant::now();
    let done = loop {
        let done = admin.get("/admin/jobs?kind=orders.cancel_unpaid&status=succeeded").await?.expect(200);
        if done.list().len() >= 2 {
            break done;
        }
        ensure!(begun.elapsed() < PATIENCE, "{}", done.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(done.list().len(), 2, "{}", done.body);
    Ok(())
}

const FIELDS: [&str; 11] = [
    "attempt",
    "createdAt",
    "finishedAt",
    "id",
    "kind",
    "lastError",
    "maxAttempts",
    "priority",
    "runAt",
    "startedAt",
    "status",
];

#[tokio::test]
async fn job_is_shown_without_its_payload() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (dead, waiting) = (jobs::dead(&server).await?, jobs::scheduled(&server).await?);
    let list = admin.get(&format!("/admin/jobs?kind={}&cursor=&limit=1", jobs::KIND)).await?.expect(200);
    assert_eq!(list.each("id"), [waiting.as_str()], "the newest first");
    let next = list.body["pagination"]["nextCursor"].as_str().unwrap_or_default().to_owned();
    let list = admin.get(&format!("/admin/jobs?kind={}&cursor={next}&limit=1", jobs::KIND)).await?.expect(200);
    assert_eq!(list.each("id"), [dead.as_str()]);
    assert_eq!(list.body["pagination"], json!({"limit": 1, "nextCursor": null}));
    let fields: Vec<_> = list.list()[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, FIELDS);
    assert!(!list.body.to_string().contains(jobs::PAYLOAD));

    let shown = admin.get(&format!("/admin/jobs/{waiting}")).await?.expect(200);
    assert_eq!(shown.data()["status"], "scheduled");
    for nothing in ["startedAt", "finishedAt", "lastError"] {
        assert_eq!(shown.data().get(nothing), Some(&Value::Null), "{nothing}");
    }
    assert!(!shown.body.to_string().contains(jobs::PAYLOAD));
    let of_status = admin.get("/admin/jobs?status=dead").await?.expect(200);
    assert_eq!((of_status.each("id"), of_status.each("lastError")), (vec![dead], vec!["no way".to_owned()]));

    let summary = admin.get("/admin/jobs/summary").await?.expect(200);
    assert_eq!(summary.data()["kinds"][jobs::KIND], json!({"dead": 1, "scheduled": 1}));
    assert_eq!(summary.data()["oldestReadyAt"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn job_is_retried_and_cancelled_until_it_is_over() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (dead, waiting) = (jobs::dead(&server).await?, jobs::scheduled(&server).await?);
    admin.call(&format!("/admin/jobs/{dead}/cancel")).await?.error(409, "invalid_transition");
    for job in [&dead, &waiting] {
        let path = format!("/admin/jobs/{job}");
        let retried = admin.call(&format!("{path}/retry")).await?.expect(202);
        assert_eq!((&retried.data()["status"], &retried.data()["attempt"]), (&json!("ready"), &json!(0)));
        assert_eq!(admin.get(&path).await?.expect(200).data()["finishedAt"], Value::Null);
        let summary = admin.get("/admin/jobs/summary").await?.expect(200);
        assert!(summary.data()["oldestReadyAt"].is_string());
        let cancelled = admin.call(&format!("{path}/cancel")).await?.expect(202);
        assert_eq!(cancelled.data()["status"], "cancelled");
        assert!(cancelled.data()["finishedAt"].is_string());
        for action in ["cancel", "retry"] {
            admin.call(&format!("{path}/{action}")).await?.error(409, "invalid_transition");
        }
    }
    Ok(())
}

#[tokio::test]
async fn jobs_are_for_admins_who_have_logged_in() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, staff) = (server.admin().await?, server.staff().await?);
    let job = jobs::scheduled(&server).await?;
    for path in ["/admin/jobs", "/admin/jobs/summary", &format!("/admin/jobs/{job}")] {
        server.anonymous().get(path).await?.error(401, "missing_token");
        staff.get(path).await?.error(403, "forbidden");
    }
    for action in ["retry", "cancel"] {
        staff.call(&format!("/admin/jobs/{job}/{action}")).await?.error(403, "forbidden");
        admin.call(&format!("/admin/jobs/{}/{action}", admin.id())).await?.error(404, "not_found");
    }
    assert_eq!(admin.get(&format!("/admin/jobs/{job}")).await?.expect(200).data()["status"], "scheduled");
    admin.get(&format!("/admin/jobs/{}", admin.id())).await?.error(404, "not_found");
    admin.get("/admin/jobs?status=odd&kind=A%20B&limit=0").await?.invalid(&["status", "kind", "limit"]);
    admin.get("/admin/jobs?cursor=forged").await?.error(400, "invalid_cursor");
    Ok(())
}
