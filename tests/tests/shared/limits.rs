//! Rate limits across instances.

use anyhow::Result;
use entrepot_tests::{Client, PASSWORD};
use serde_json::json;
use tokio::task::JoinSet;

use super::{apart, rounds, start};

#[tokio::test]
async fn address_limit_is_shared_by_the_instances() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "20")]).await?;
    let nobody = apart(&server, &server.anonymous());
    for n in 0..20 {
        // Not quite in turn.
        let answer = nobody[n / 3 % 2].get("/products").await?.expect(200);
        assert_eq!(answer.header("ratelimit-remaining"), (19 - n).to_string());
    }
    for nobody in &nobody {
        nobody.get("/products").await?.error(429, "rate_limited");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_on_both_instances_are_all_counted() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "1000"), ("RATE_LIMIT_USER_MAX", "30")]).await?;
    let ada = apart(&server, &server.customer("ada@example.com").await?);
    let mut tries = JoinSet::new();
    for n in 0..8 {
        let ada = ada[n % 2].clone();
        tries.spawn(async move {
            let mut let_in = 0;
            for _ in 0..10 {
                let answer = ada.get("/users/me").await?;
                if answer.status == 200 {
                    let_in += 1;
                } else {
                    answer.error(429, "rate_limited");
                }
            }
            Ok(let_in)
        });
    }
    assert_eq!(rounds(tries).await?, 30);
    Ok(())
}

#[tokio::test]
async fn failed_logins_are_counted_across_instances() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on")]).await?;
    server.customer("ada@example.com").await?;
    let nobody = apart(&server, &server.anonymous());
    let login = async |who: &Client, password: &str| {
        who.post("/auth/login", json!({"email": "ada@example.com", "password": password})).await
    };
    for n in [0, 0, 1, 0, 1] {
        login(&nobody[n], "a guess").await?.error(401, "invalid_credentials");
    }
    for nobody in &nobody {
        for password in ["a guess", PASSWORD] {
            login(nobody, password).await?.error(429, "rate_limited");
        }
    }
    Ok(())
}
