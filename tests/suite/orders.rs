//! Orders, from the basket to the refund.

use anyhow::Result;
use entrepot_tests::{Answer, Client};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

async fn keyed(who: &Client, key: &str, body: &Value) -> Result<Answer> {
    who.with(Method::POST, "/orders", ("idempotency-key", key), Some(body.clone())).await
}

fn one(product: &str, quantity: i64) -> Value {
    json!({"items": [{"productId": product, "quantity": quantity}]})
}

#[tokio::test]
async fn order_has_the_prices_of_the_catalogue() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let (mug, cup) = (admin.product("MUG", 295, 10).await?, admin.product("CUP", 150, 10).await?);
    let items = json!([
        {"productId": mug, "quantity": 2}, {"productId": cup, "quantity": 1}, {"productId": mug, "quantity": 1},
    ]);
    let placed = ada.post("/orders", json!({ "items": items })).await?.expect(201);
    let order = placed.data();
    let pence = |amount: i64| json!({"amount": amount, "currency": "GBP"});
    assert_eq!(
        order["items"],
        json!([
            {"productId": mug, "sku": "MUG", "name": "The MUG", "quantity": 3, "unitPrice": pence(295), "lineTotal": pence(885)},
            {"productId": cup, "sku": "CUP", "name": "The CUP", "quantity": 1, "unitPrice": pence(150), "lineTotal": pence(150)},
        ])
    );
    assert_eq!((&order["total"], &order["status"], &order["version"]), (&pence(1_035), &json!("pending"), &json!(1)));
    assert_eq!(order["userId"], ada.id());
    assert_eq!(placed.header("location"), format!("/api/v1/orders/{}", placed.id()));
    assert_eq!((admin.stock(&mug).await?, admin.stock(&cup).await?), (7, 9));

    // An order does not change with the catalogue.
    let change = json!({"name": "Tin mug", "price": {"amount": 1}});
    admin.patch(&format!("/products/{mug}"), change).await?.expect(200);
    let seen = ada.get(&format!("/orders/{}", placed.id())).await?.expect(200);
    assert_eq!((seen.data(), seen.header("etag")), (order, placed.header("etag")));
    Ok(())
}

#[tokio::test]
async fn insufficient_stock_refuses_the_order_and_names_each_product() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mut products = Vec::new();
    for (sku, stock) in [("A", 10), ("B", 1), ("C", 0)] {
        products.push(admin.product(sku, 100, stock).await?);
    }
    let items: Vec<_> = products.iter().map(|id| json!({"productId": id, "quantity": 2})).collect();
    let refused = ada.post("/orders", json!({ "items": items })).await?;
    refused.error(409, "insufficient_stock");
    let told: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|short| {
            (
                short["field"].as_str().unwrap(),
                short["productId"].as_str().unwrap(),
                short["available"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [("items[1].quantity", products[1].as_str(), 1), ("items[2].quantity", products[2].as_str(), 0)]);
    for (product, stock) in products.iter().zip([10, 1, 0]) {
        assert_eq!(admin.stock(product).await?, stock);
    }
    assert!(ada.all("/orders").await?.is_empty());
    // Lines of one product are added up before the stock is checked.
    let twice =
        json!({"items": [{"productId": products[1], "quantity": 1}, {"productId": products[1], "quantity": 1}]});
    ada.post("/orders", twice).await?.error(409, "insufficient_stock");
    Ok(())
}

#[tokio::test]
async fn invalid_basket_names_each_line() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let unknown = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55";
    let items = json!([{"productId": mug, "quantity": 1}, {"productId": unknown, "quantity": 1}]);
    ada.post("/orders", json!({ "items": items })).await?.invalid(&["items[1].productId"]);
    for quantity in [json!(0), json!(-1), json!(1.5), json!("1"), json!(3_000_000_000_u64)] {
        let body = json!({"items": [{"productId": mug, "quantity": quantity}]});
        ada.post("/orders", body).await?.invalid(&["items[0].quantity"]);
    }
    ada.post("/orders", json!({"items": []})).await?.invalid(&["items"]);
    let line = json!({"productId": mug, "quantity": 1});
    ada.post("/orders", json!({"items": vec![line.clone(); 2_001]})).await?.invalid(&["items"]);
    admin.post(&format!("/products/{mug}/stock"), json!({"delta": 2_000, "reason": "x"})).await?.expect(200);
    let most = ada.post("/orders", json!({"items": vec![line; 2_000]})).await?.expect(201);
    assert_eq!(most.data()["items"][0]["quantity"], 2_000);
    server.anonymous().order(&mug, 1).await?.error(401, "missing_token");
    Ok(())
}

#[tokio::test]
async fn mixed_currencies_and_overflow_are_a_400() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mut ids = Vec::new();
    for (sku, currency, amount) in [("A", "GBP", 1), ("B", "EUR", 1), ("C", "GBP", 9_007_199_254_740_991_i64)] {
        let price = json!({"amount": amount, "currency": currency});
        let product = json!({"sku": sku, "name": sku, "price": price, "stock": 2_000_000_000_i64});
        ids.push(admin.post("/products", product).await?.expect(201).id());
    }
    let mixed = json!({"items": [{"productId": ids[0], "quantity": 1}, {"productId": ids[1], "quantity": 1}]});
    admin.post("/orders", mixed).await?.error(400, "validation_failed");
    admin.order(&ids[2], 2_000_000_000).await?.error(400, "validation_failed");
    admin.order(&ids[2], 2).await?.error(400, "validation_failed");
    let beyond = json!({"sku": "D", "name": "D", "price": {"amount": 9_007_199_254_740_992_i64}});
    admin.post("/products", beyond).await?.invalid(&["price.amount"]);
    assert_eq!(admin.stock(&ids[2]).await?, 2_000_000_000);
    Ok(())
}

#[tokio::test]
async fn order_allows_only_valid_transitions() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 100).await?;
    let steps = ["pay", "ship", "deliver", "refund", "cancel"];
    // The transitions that lead to each status, and those that may follow.
    for (way, allowed) in [
        (&[][..], &["pay", "cancel"][..]),
        (&["pay"], &["ship", "refund", "cancel"]),
        (&["pay", "ship"], &["deliver"]),
        (&["pay", "ship", "deliver"], &["refund"]),
        (&["pay", "refund"], &[]),
        (&["cancel"], &[]),
    ] {
        for step in steps {
            let path = format!("/orders/{}", ada.order(&mug, 1).await?.expect(201).id());
            for done in way {
                staff.call(&format!("{path}/{done}")).await?.expect(200);
            }
            let answer = staff.call(&format!("{path}/{step}")).await?;
            if allowed.contains(&step) {
                assert_eq!(answer.expect(200).data()["version"], way.len() + 2);
            } else {
                answer.error(409, "invalid_transition");
            }
        }
    }
    let path = format!("/orders/{}", ada.order(&mug, 1).await?.expect(201).id());
    for step in &steps[..4] {
        ada.call(&format!("{path}/{step}")).await?.error(403, "forbidden");
    }
    assert_eq!(ada.call(&format!("{path}/cancel")).await?.expect(200).data()["status"], "cancelled");
    Ok(())
}

#[tokio::test]
async fn cancelled_order_returns_its_stock_once() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let path = format!("/orders/{}/cancel", ada.order(&mug, 4).await?.expect(201).id());
    assert_eq!(admin.stock(&mug).await?, 6);
    let answers = tokio::join!(ada.call(&path), ada.call(&path), admin.call(&path), ada.call(&path));
    let mut statuses = [answers.0?.status, answers.1?.status, answers.2?.status, answers.3?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409]);
    assert_eq!(admin.stock(&mug).await?, 10);
    Ok(())
}

#[tokio::test]
async fn order_has_a_history() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let mug = admin.product("MUG", 295, 10).await?;
    let path = format!("/orders/{}", ada.order(&mug, 1).await?.expect(201).id());
    admin.call(&format!("{path}/pay")).await?.expect(200);
    admin.call(&format!("{path}/pay")).await?.error(409, "invalid_transition");
    ada.call(&format!("{path}/cancel")).await?.expect(200);
    let events = ada.get(&format!("{path}/events")).await?.expect(200);
    assert_eq!(events.each("type"), ["order.created", "order.status_changed", "order.status_changed"]);
    assert_eq!(events.each("to"), ["pending", "paid", "cancelled"]);
    assert_eq!(events.each("actorId"), [ada.id(), admin.id(), ada.id()]);
    let ids: Vec<i64> = events.list().iter().map(|event| event["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, two| one < two), "{ids:?}");
    Ok(())
}

#[tokio::test]
async fn order_of_another_user_is_a_404() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let eve = server.customer("eve@example.com").await?;
    let mug = staff.product("MUG", 295, 10).await?;
    let path = format!("/orders/{}", ada.order(&mug, 1).await?.expect(201).id());
    for path in [path.clone(), format!("{path}/events")] {
        eve.get(&path).await?.error(404, "not_found");
        staff.get(&path).await?.expect(200);
        server.anonymous().get(&path).await?.error(401, "missing_token");
    }
    eve.call(&format!("{path}/cancel")).await?.error(404, "not_found");
    assert!(eve.get("/orders").await?.expect(200).list().is_empty());
    eve.get(&format!("/orders?userId={}", ada.id())).await?.error(403, "forbidden");
    Ok(())
}

#[tokio::test]
async fn orders_are_listed_newest_first_and_filtered() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let eve = server.customer("eve@example.com").await?;
    let mug = staff.product("MUG", 295, 100).await?;
    let mut placed = Vec::new();
    for n in 0..5 {
        let who = if n % 2 == 0 { &ada } else { &eve };
        placed.push(who.order(&mug, 1).await?.expect(201));
    }
    placed.reverse();
    let ids: Vec<String> = placed.iter().map(Answer::id).collect();
    let (of_ada, of_eve): (Vec<_>, Vec<_>) = placed.iter().partition(|order| order.data()["userId"] == ada.id());
    let of_ada: Vec<String> = of_ada.into_iter().map(Answer::id).collect();
    let of_eve: Vec<String> = of_eve.into_iter().map(Answer::id).collect();
    assert_eq!(staff.get("/orders").await?.expect(200).each("id"), ids);
    assert_eq!(ada.get("/orders").await?.expect(200).each("id"), of_ada);
    assert_eq!(ada.get(&format!("/orders?userId={}", ada.id())).await?.expect(200).each("id"), of_ada);
    assert_eq!(staff.get(&format!("/orders?userId={}", eve.id())).await?.expect(200).each("id"), of_eve);
    staff.call(&format!("/orders/{}/pay", ids[1])).await?.expect(200);
    assert_eq!(staff.get("/orders?status=paid").await?.expect(200).each("id"), ids[1..2]);
    assert_eq!(staff.get("/orders?status=pending").await?.expect(200).list().len(), 4);

    let moment = placed[2].data()["createdAt"].as_str().unwrap().to_owned();
    let from = staff.get(&format!("/orders?from={moment}")).await?.expect(200).each("id");
    let to = staff.get(&format!("/orders?to={moment}")).await?.expect(200).each("id");
    assert!(from.contains(&ids[2]) && to.contains(&ids[2]) && from.contains(&ids[0]) && to.contains(&ids[4]));
    assert!(staff.get("/orders?to=2001-01-01").await?.expect(200).list().is_empty());
    staff.get("/orders?status=lost&from=yesterday&userId=x").await?.invalid(&["status", "from", "userId"]);
    staff.get("/orders?from=-001-01-01&to=%2B999-11-21").await?.invalid(&["from", "to"]);
    staff.get("/orders?to=9999-12-31T23:59:59-05:00").await?.invalid(&["to"]);
    Ok(())
}

#[tokio::test]
async fn same_key_and_body_replay_the_first_response() -> Result<()> {
    let server = start(&[]).await?;
    let (admin, ada) = (server.admin().await?, server.customer("ada@example.com").await?);
    let eve = server.customer("eve@example.com").await?;
    let mug = admin.product("MUG", 295, 10).await?;
    let first = keyed(&ada, "key-1", &one(&mug, 1)).await?.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    admin.call(&format!("/orders/{}/pay", first.id())).await?.expect(200);
    // The key bare or as a quoted string, the body with other spaces, are the same.
    let spaced = format!("{{ \"items\": [ {{ \"quantity\": 1, \"productId\": \"{mug}\" }} ] }}");
    let request = ada.request(Method::POST, "/orders").header("idempotency-key", "\"key-1\"");
    let spaced = ada.send(request.header("content-type", "application/json").body(spaced)).await?;
    for again in [keyed(&ada, "key-1", &one(&mug, 1)).await?, keyed(&ada, "\"key-1\"", &one(&mug, 1)).await?, spaced] {
        let again = again.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    }
    keyed(&ada, "key-1", &one(&mug, 2)).await?.error(422, "idempotency_key_reused");
    // Each user has their own keys.
    assert_ne!(keyed(&eve, "key-1", &one(&mug, 1)).await?.expect(201).id(), first.id());
    assert_eq!(admin.stock(&mug).await?, 8);
    for bad in ["", "has space", &"x".repeat(256), "\"\""] {
        assert_eq!(keyed(&ada, bad, &one(&mug, 1)).await?.status, 400, "{bad}");
    }
    keyed(&ada, &"x".repeat(255), &one(&mug, 1)).await?.expect(201);
    Ok(())
}

#[tokio::test]
async fn refused_order_can_be_retried_with_its_key() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 0).await?;
    keyed(&admin, "k", &one(&mug, 1)).await?.error(409, "insufficient_stock");
    keyed(&admin, "k", &one(&mug, 0)).await?.invalid(&["items[0].quantity"]);
    admin.post(&format!("/products/{mug}/stock"), json!({"delta": 1, "reason": "x"})).await?.expect(200);
    let placed = keyed(&admin, "k", &one(&mug, 1)).await?.expect(201);
    assert_eq!(placed.header("idempotent-replayed"), "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_with_one_key_place_one_order() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 100).await?;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let (admin, body) = (admin.clone(), one(&mug, 1));
        tries.spawn(async move { keyed(&admin, "once", &body).await });
    }
    let mut fresh = 0;
    for answer in tries.join_all().await {
        let answer = answer?;
        match answer.status {
            201 => fresh += i32::from(answer.header("idempotent-replayed").is_empty()),
            _ => drop(answer.error(409, "idempotency_in_progress")),
        }
    }
    assert_eq!((fresh, admin.stock(&mug).await?), (1, 99));
    Ok(())
}

#[tokio::test]
async fn transition_with_a_stale_version_is_refused() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 100).await?;
    let placed = admin.order(&mug, 1).await?.expect(201);
    let (path, tag) = (format!("/orders/{}", placed.id()), placed.header("etag"));
    let same = admin.with(Method::GET, &path, ("if-none-match", tag), None).await?;
    assert_eq!((same.status, same.header("etag")), (304, tag));
    let paid = admin.with(Method::POST, &format!("{path}/pay"), ("if-match", tag), None).await?.expect(200);
    assert_ne!(paid.header("etag"), tag);
    for step in ["ship", "cancel", "refund"] {
        let stale = admin.with(Method::POST, &format!("{path}/{step}"), ("if-match", tag), None).await?;
        stale.error(412, "precondition_failed");
    }
    Ok(())
}

/// A request for a partial refund must not be answered with success.
#[tokio::test]
async fn transition_takes_no_fields() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let product = admin.product("MUG", 295, 10).await?;
    let order = admin.order(&product, 1).await?.expect(201).id();
    let step = |name: &str| format!("/orders/{order}/{name}");
    for name in ["cancel", "pay", "ship", "deliver", "refund"] {
        admin.post(&step(name), json!({"amount": 1, "status": "paid"})).await?.invalid(&["amount", "status"]);
        let typed = |kind: &str, body: &'static str| {
            admin.send(admin.request(Method::POST, &step(name)).header("content-type", kind).body(body))
        };
        typed("application/json", "{").await?.error(400, "malformed_json");
        typed("text/plain", "now").await?.error(415, "unsupported_media_type");
        server.anonymous().post(&step(name), json!({"amount": 1})).await?.error(401, "missing_token");
    }
    let long = json!({"note": "x".repeat(11 << 20)});
    if let Ok(answer) = admin.post(&step("pay"), long).await {
        answer.error(413, "payload_too_large");
    }
    assert_eq!(admin.get(&format!("/orders/{order}")).await?.expect(200).data()["status"], "pending");
    admin.post(&step("pay"), json!({})).await?.expect(200);
    admin.call(&step("ship")).await?.expect(200);
    Ok(())
}
