//! Concurrent requests for the same stock, key or session.

use std::sync::Arc;

use anyhow::Result;
use entrepot_tests::PASSWORD;
use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use crate::start;

const BUYERS: usize = 200;
const USERS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_hundred_buys_the_last_one() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let product = admin.product("LAST", 1_000, 1).await?;
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(server.customer(&format!("buyer-{n}@example.com")).await?);
    }

    let together = Arc::new(Barrier::new(BUYERS));
    let mut buyers = JoinSet::new();
    for n in 0..BUYERS {
        let (user, product, together) = (users[n % USERS].clone(), product.clone(), together.clone());
        buyers.spawn(async move {
            together.wait().await;
            user.order(&product, 1).await
        });
    }
    let mut sold = 0;
    for answer in buyers.join_all().await {
        let answer = answer?;
        if answer.status == 201 {
            sold += 1;
        } else {
            answer.error(409, "insufficient_stock");
        }
    }
    assert_eq!(sold, 1);
    assert_eq!(admin.all("/orders").await?.len(), 1);
    assert_eq!(admin.stock(&product).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_with_shared_products_do_not_deadlock() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (one, two) = (admin.product("ONE", 100, 50).await?, admin.product("TWO", 100, 50).await?);
    let mut buyers = JoinSet::new();
    for n in 0..BUYERS {
        let (first, second) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let items = serde_json::json!({"items": [
            {"productId": first, "quantity": 1}, {"productId": second, "quantity": 1},
        ]});
        let admin = admin.clone();
        buyers.spawn(async move { admin.post("/orders", items).await });
    }
    let mut statuses = [0, 0];
    for answer in buyers.join_all().await {
        match answer?.status {
            201 => statuses[0] += 1,
            409 => statuses[1] += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!(statuses, [50, BUYERS - 50]);
    assert_eq!((admin.stock(&one).await?, admin.stock(&two).await?), (0, 0));
    Ok(())
}

/// Some logins succeed before the change, which ends their sessions; some are refused. None may check the old password
/// before the change and keep its session after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_survives_a_new_password_or_its_user() -> Result<()> {
    const LOGINS: usize = 12;
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for round in 0..24 {
        let ada = server.customer(&format!("ada-{round}@example.com")).await?;
        let together = Arc::new(Barrier::new(LOGINS + 1));
        let mut logins = JoinSet::new();
        for _ in 0..LOGINS {
            let (ada, together) = (ada.clone(), together.clone());
            logins.spawn(async move {
                together.wait().await;
                ada.post("/auth/login", json!({"email": ada.email(), "password": PASSWORD})).await
            });
        }
        let path = format!("/users/{}", ada.id());
        together.wait().await;
        if round % 4 == 0 {
            admin.delete(&path).await?.expect(204);
        } else {
            admin.patch(&path, json!({"password": "another one for all"})).await?.expect(200);
        }
        for answer in logins.join_all().await {
            let answer = answer?;
            if answer.status == 200 {
                let token = answer.data()["token"].as_str().unwrap_or_default();
                ada.with_token(token).get("/users/me").await?.error(401, "invalid_token");
            } else {
                answer.error(401, "invalid_credentials");
            }
        }
    }
    Ok(())
}
