//! No instance has state that the others do not have.

use std::{thread, time::Duration};

use anyhow::Result;
use entrepot_tests::{Answer, Client, stores};
use serde_json::{Value, json};

use super::{apart, start};

async fn refresh(who: &Client, token: &str) -> Result<Answer> {
    who.post("/auth/refresh", json!({ "refreshToken": token })).await
}

#[tokio::test]
async fn login_on_one_instance_works_on_the_other() -> Result<()> {
    let server = start(&[]).await?;
    let email = "ada@example.com";
    let phone = server.customer(email).await?;
    let nobody = apart(&server, &server.anonymous());
    let [one, two] = apart(&server, &nobody[0].login(email, phone.password()).await?);
    assert_eq!(two.get("/users/me").await?.expect(200).data(), one.get("/users/me").await?.expect(200).data());
    let second = refresh(&two, one.refresh_token()).await?.expect(200);
    let text = |field: &str| second.data()[field].as_str().unwrap().to_owned();
    one.with_token(&text("token")).get("/users/me").await?.expect(200);
    // Reuse of the old token on either instance ends the session.
    refresh(&one, one.refresh_token()).await?.error(401, "refresh_token_reused");
    for who in [&two, &one] {
        assert_eq!(refresh(who, &text("refreshToken")).await?.status, 401);
        who.with_token(&text("token")).get("/users/me").await?.error(401, "invalid_token");
    }
    for phone in apart(&server, &phone) {
        phone.get("/users/me").await?.expect(200);
    }
    Ok(())
}

#[tokio::test]
async fn cursor_of_one_instance_works_on_the_other() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let skus: Vec<_> = (0..9).map(|n| format!("P-{n}")).collect();
    for sku in &skus {
        admin.product(sku, 100, 1).await?;
    }
    let (nobody, mut found, mut cursor) = (apart(&server, &server.anonymous()), Vec::new(), String::new());
    for n in 0.. {
        let page = nobody[n % 2].get(&format!("/products?sort=sku&limit=2&cursor={cursor}")).await?.expect(200);
        found.extend(page.each("sku"));
        let Value::String(next) = &page.body["pagination"]["nextCursor"] else { break };
        cursor.clone_from(next);
    }
    assert_eq!(found, skus);
    Ok(())
}

#[tokio::test]
async fn import_is_seen_by_both_instances_at_once() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 5).await?;
    let nobody = apart(&server, &server.anonymous());
    for n in 1..=5 {
        for nobody in &nobody {
            nobody.get(&format!("/products/{mug}")).await?.expect(200);
        }
        let csv = format!("sku,name,price,stock\nMUG,Mug {n},{n},{n}\n");
        let done = server.command_with(&["import", "products", "-"], &[], &csv)?;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        for nobody in &nobody {
            let seen = nobody.get(&format!("/products/{mug}")).await?.expect(200);
            assert_eq!((&seen.data()["name"], &seen.data()["stock"]), (&json!(format!("Mug {n}")), &json!(n)));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_of_one_instance_loses_no_order() -> Result<()> {
    const STOCK: i64 = 1_000_000;
    let mut server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, STOCK).await?;
    let [one, two] = apart(&server, &server.customer("ada@example.com").await?);
    let selling = |who: Client, most: usize| {
        let mug = mug.clone();
        tokio::spawn(async move {
            let mut placed = Vec::new();
            while placed.len() < most
                && let Ok(answer) = who.order(&mug, 1).await
            {
                placed.push(answer.expect(201).id());
            }
            placed
        })
    };
    let doomed: Vec<_> = (0..4).map(|_| selling(one.clone(), usize::MAX)).collect();
    let going_on: Vec<_> = (0..4).map(|_| selling(two.clone(), 100)).collect();
    while admin.at(&server.urls()[1]).stock(&mug).await? > STOCK - 100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.kill_one(0)?;
    let (mut acknowledged, mut doomed_to) = (Vec::new(), 0);
    for seller in going_on {
        let placed = seller.await?;
        assert_eq!(placed.len(), 100, "the other was disturbed");
        acknowledged.extend(placed);
    }
    for seller in doomed {
        let placed = seller.await?;
        doomed_to += placed.len();
        acknowledged.extend(placed);
    }
    assert!(doomed_to > 0);
    let orders = admin.at(&server.urls()[1]).all("/orders").await?;
    let ids: Vec<_> = orders.iter().map(|order| order["id"].as_str().unwrap()).collect();
    assert!(acknowledged.iter().all(|id| ids.contains(&id.as_str())), "an order was lost");
    assert!(ids.len() <= acknowledged.len() + 4, "{} of {}", ids.len(), acknowledged.len());
    assert_eq!(two.stock(&mug).await?, STOCK - i64::try_from(ids.len())?);
    Ok(())
}

#[tokio::test]
async fn instance_leaves_no_file_in_its_folder() -> Result<()> {
    let mut server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 5).await?;
    admin.order(&mug, 1).await?.expect(201);
    assert!(server.stop()?.success());
    let kept: Vec<_> = std::fs::read_dir(server.folder())?.collect();
    assert!(kept.is_empty(), "{kept:?}");
    Ok(())
}

#[tokio::test]
async fn concurrent_migrations_on_postgres_succeed() -> Result<()> {
    let (server, fresh) = (start(&[]).await?, stores::empty_database().await?);
    let url = [("DATABASE_URL", fresh.url())];
    let check = server.command(&["migrate", "--check"], &url)?;
    let why = String::from_utf8_lossy(&check.stderr);
    assert!(check.status.code() == Some(1) && why.contains("entrepot migrate"), "{why}");
    thread::scope(|scope| {
        let many: Vec<_> = (0..4).map(|_| scope.spawn(|| server.command(&["migrate"], &url).unwrap())).collect();
        for one in many {
            let out = one.join().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
    });
    assert!(server.command(&["migrate", "--check"], &url)?.status.success());
    Ok(())
}
