//! `entrepot demo`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use anyhow::Result;
use entrepot_tests::Server;

#[tokio::test]
async fn empty_store_becomes_a_shop_that_can_be_used() -> Result<()> {
    let server = Server::start(&[]).await?;
    let demo = server.command(&["demo"], &[("BCRYPT_COST", "4")])?;
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    let printed = String::from_utf8(demo.stdout)?;
    let logins: Vec<_> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
    assert_eq!((logins.len(), printed.lines().count()), (2, 2), "{printed}");

    let mut roles = Vec::new();
    let mut admin = None;
    for (email, password) in logins {
        let client = server.anonymous().login(email, password).await?;
        let me = client.get("/users/me").await?.expect(200);
        if me.data()["roles"].as_array().unwrap().contains(&"admin".into()) {
            admin = Some(client);
        }
        roles.extend(me.data()["roles"].as_array().unwrap().clone());
    }
    assert!(["admin", "staff"].iter().all(|role| roles.contains(&(*role).into())), "{roles:?}");
    let admin = admin.unwrap();
    let total = async |path: &str| -> Result<u64> {
        Ok(admin.get(path).await?.expect(200).body["pagination"]["total"].as_u64().unwrap())
    };
    assert_eq!(total("/products?limit=1").await?, 2_000);
    assert_eq!(total("/users?role=customer&limit=1").await?, 52, "50 customers, and the staff");
    let orders = total("/orders?limit=1").await?;
    assert!(orders > 2_000, "{orders}");
    for status in ["pending", "paid", "shipped", "delivered", "cancelled", "refunded"] {
        let count = total(&format!("/orders?status={status}&limit=1")).await?;
        assert!(count > 0 && (count < 100 || !["pending", "paid"].contains(&status)), "{count} are {status}");
    }
    let newest =
        admin.get("/orders?limit=1").await?.expect(200).body["data"][0]["createdAt"].as_str().unwrap().to_owned();
    let newest = chrono::DateTime::parse_from_rfc3339(&newest)?;
    let until = |days| (newest - chrono::Duration::days(days)).format("%Y-%m-%d").to_string();
    assert!(total(&format!("/orders?to={}&limit=1", until(180))).await? > orders / 5, "of a year");
    assert!(total(&format!("/orders?to={}&limit=1", until(360))).await? < orders / 10);

    let again = server.command(&["demo"], &[])?;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
    Ok(())
}

#[tokio::test]
async fn demo_is_refused_in_production() -> Result<()> {
    let server = Server::start(&[]).await?;
    let secrets = [
        ("APP_ENV", "production"),
        ("BCRYPT_COST", "10"),
        ("JWT_SECRET", "k5sTqkM1d8wG2vYx7bNf3hRz9cLp4jUe"),
        ("REFRESH_TOKEN_SECRET", "Zq8rVt2nXw6mKb4yHs1dFg7pJc3uLe9a"),
    ];
    let refused = server.command(&["demo"], &secrets)?;
    let why = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{why}");
    assert!(why.contains("refuses to in production"), "{why}");
    assert!(refused.stdout.is_empty());
    Ok(())
}
