//! Sessions and roles that are revoked on one instance are revoked on the other.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::Instant,
};

use anyhow::Result;
use entrepot_tests::{Client, PASSWORD, Server};
use serde_json::json;
use tokio::task::JoinSet;

use super::{apart, rounds, start, until};

/// How many users lose their sessions concurrently.
const USERS: usize = 3;

/// In how many ways a session ends; each user goes through all of them at least once.
const WAYS: usize = 5;

/// How often a role is given and taken at least, however slow the machine is.
const LEAST: usize = 20;

/// Requests `/users/me` as fast as it can; a request that was sent after the session's end must be refused.
async fn ask_until_over(who: Client, over: Arc<AtomicBool>) -> Result<i64> {
    for n in 1.. {
        let ended = over.load(SeqCst);
        let answer = who.get("/users/me").await?;
        assert!(!ended || answer.status == 401, "{} after the session's end", answer.status);
        if ended {
            return Ok(n);
        }
    }
    unreachable!()
}

/// Ends the session of `phone` on one instance, in one of several ways.
async fn end(way: usize, phone: &Client, desk: &Client) -> Result<()> {
    let user = format!("/users/{}", phone.id());
    let answer = match way % WAYS {
        0 => phone.post("/auth/logout", json!({"refreshToken": phone.refresh_token()})).await?,
        1 => {
            let sessions = phone.get("/auth/sessions").await?.expect(200);
            let own = sessions.list().iter().find(|session| session["current"] == true).unwrap();
            desk.delete(&format!("/auth/sessions/{}", own["id"].as_str().unwrap())).await?
        }
        2 => desk.delete("/auth/sessions").await?,
        3 => desk.patch(&user, json!({"password": "another password", "currentPassword": PASSWORD})).await?,
        _ => desk.delete(&user).await?,
    };
    assert!(matches!(answer.status, 200 | 204), "{}", answer.body);
    Ok(())
}

/// A user who logs in on two devices and loses the session of one, over and over.
async fn lose_sessions(server: Arc<Server>, name: usize, until: Instant) -> Result<i64> {
    for n in 0.. {
        let email = format!("user-{name}-{n}@example.com");
        let phone = server.customer(&email).await?;
        let desk = apart(&server, &phone.again().await?);
        let (phone, over) = (apart(&server, &phone), Arc::new(AtomicBool::new(false)));
        let mut readers = JoinSet::new();
        for phone in &phone {
            phone.get("/users/me").await?.expect(200);
            readers.spawn(ask_until_over(phone.clone(), over.clone()));
        }
        let (here, there) = (n % 2, (n + 1) % 2);
        end(n, &phone[here], &desk[here]).await?;
        over.store(true, SeqCst);
        for phone in [&phone[there], &phone[here]] {
            phone.get("/users/me").await?.error(401, "invalid_token");
            let refreshed = phone.post("/auth/refresh", json!({"refreshToken": phone.refresh_token()})).await?;
            assert_eq!(refreshed.status, 401, "{}", refreshed.body);
        }
        rounds(readers).await?;
        if Instant::now() > until && n >= WAYS {
            return Ok(i64::try_from(n)?);
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_ended_on_one_instance_is_ended_on_the_other() -> Result<()> {
    let server = Arc::new(start(&[]).await?);
    let (mut users, until) = (JoinSet::new(), until());
    for name in 0..USERS {
        users.spawn(lose_sessions(server.clone(), name, until));
    }
    let ended = rounds(users).await?;
    println!("{ended} sessions ended");
    Ok(())
}

/// Asks for what staff alone may see as fast as it can. `changes` is even from when the role was taken until it is given
/// again, and no request that begins and ends in such a time may be answered.
async fn ask_as_staff(who: Client, other: String, changes: Arc<AtomicI64>, until: Instant) -> Result<i64> {
    for n in 1.. {
        let before = changes.load(SeqCst);
        let answer = who.get(&format!("/orders?userId={other}")).await?;
        let customer = before % 2 == 0 && changes.load(SeqCst) == before;
        assert!(!customer || answer.status == 403, "{} for a customer", answer.status);
        if Instant::now() > until {
            return Ok(n);
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_changed_on_one_instance_applies_on_the_other() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let (other, admin) = (admin.id().to_owned(), apart(&server, &admin));
    let ada = apart(&server, &server.customer("ada@example.com").await?);
    let (path, changes, until) = (format!("/users/{}/roles", ada[0].id()), Arc::new(AtomicI64::new(0)), until());
    let mut readers = JoinSet::new();
    for ada in ada.clone() {
        readers.spawn(ask_as_staff(ada, other.clone(), changes.clone(), until));
    }
    let mut given = 0;
    while Instant::now() < until || given < LEAST {
        let (here, there) = (given % 2, (given + 1) % 2);
        changes.fetch_add(1, SeqCst);
        admin[here].put(&path, json!({"roles": ["staff"]})).await?.expect(200);
        for n in [there, here] {
            ada[n].product(&format!("P-{given}-{n}"), 1, 1).await?;
        }
        admin[here].put(&path, json!({"roles": ["customer"]})).await?.expect(200);
        changes.fetch_add(1, SeqCst);
        for ada in [&ada[there], &ada[here]] {
            let product = json!({"sku": "NO", "name": "No", "price": {"amount": 1}});
            ada.post("/products", product).await?.error(403, "forbidden");
        }
        given += 1;
    }
    let asked = rounds(readers).await?;
    println!("{given} roles given and taken, asked {asked} times");
    Ok(())
}
