//! PostgreSQL is stopped, killed or frozen under load; and clients vanish in the middle of a request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use entrepot_testkit::Postgres;
use entrepot_tests::{Answer, entrepot};
use reqwest::Method;
use serde_json::{Value, json};
use socket2::SockRef;
use tokio_postgres::Client as Database;

#[path = "faults/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other half of these tests needs the rest")]
mod faults;

use faults::{Crowd, RECOVERY, Sale, Shop, alone, check, connect, dependency, poll, unavailable};

/// How long a phase of a test may take that makes no promise about time.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many orders are placed before something is done to the server, and after it.
const SOME: usize = 100;

/// How many requests are refused before the server comes back.
const REFUSALS: usize = 120;

/// How often the server is taken away.
const TIMES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_of_postgres_loses_no_order() -> Result<()> {
    goes_and_comes(async |shop| shop.postgres.stop().await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_of_postgres_loses_no_order() -> Result<()> {
    goes_and_comes(async |shop| {
        shop.postgres.kill();
        Ok(())
    })
    .await
}

/// Takes the server away under load, as the caller says, and starts it again.
async fn goes_and_comes(take_away: impl AsyncFn(&mut Shop) -> Result<()>) -> Result<()> {
    let _alone = alone().await;
    let mut shop = Shop::open(&[]).await?;
    let process = shop.server.pid();
    let mut crowd = Crowd::enter(&shop, 8);
    let mut back = Instant::now();
    for _ in 0..TIMES {
        crowd.until_sold(SOME, back, PATIENCE).await?;
        let gone = Instant::now();
        take_away(&mut shop).await?;
        crowd.until_refused(REFUSALS, gone, PATIENCE).await?;
        shop.postgres.start_again().await?;
        back = Instant::now();
        let worked = shop.recovers().await?;
        crowd.until_sold(8, back, RECOVERY.saturating_sub(back.elapsed())).await?;
        println!(
            "away {:?}; everything worked {worked:?} after it was back, and everybody ordered after {:?}",
            back - gone,
            back.elapsed()
        );
    }
    crowd.until_sold(SOME, back, PATIENCE).await?;
    let (attempts, sales) = crowd.leave().await?;
    check(&shop, &sales).await?;
    let refused = attempts.iter().filter(|attempt| attempt.status == 503).count();
    println!("{} orders, {refused} of {} requests refused", sales.len(), attempts.len());
    assert_eq!(shop.server.pid(), process);
    Ok(())
}

/// How long a request may wait for a frozen server: `DB_CONNECT_TIMEOUT` and a second.
const BOUND: Duration = Duration::from_secs(2);

/// What counts as immediate on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Sends a request and measures how long its answer takes.
async fn timed(request: impl Future<Output = Result<Answer>>) -> Result<(Answer, Duration)> {
    let begun = Instant::now();
    Ok((request.await?, begun.elapsed()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_postgres_is_a_bounded_503() -> Result<()> {
    let _alone = alone().await;
    let shop = Shop::open(&[]).await?;
    let mut crowd = Crowd::enter(&shop, 6);
    crowd.until_sold(SOME, Instant::now(), PATIENCE).await?;

    shop.postgres.freeze();
    let frozen = Instant::now();
    let (nobody, ada, product) = (shop.server.anonymous(), &shop.buyers[6], &shop.products[0]);
    let login = json!({"email": ada.email(), "password": ada.password()});
    let path = format!("/products/{product}");
    // Concurrent requests before the freeze is noticed.
    let asked = tokio::join!(
        timed(nobody.get("/products?sort=name")),
        timed(nobody.post("/auth/login", login)),
        timed(shop.admin.patch(&path, json!({"description": "never"}))),
        timed(ada.order(product, 0)),
        timed(nobody.get("//health/live")),
        timed(shop.ready()),
    );
    let (list, login, change, invalid, live, ready) = asked;
    for (answer, took) in [list?, login?, change?, ready?] {
        unavailable(&answer)?;
        assert!(took < BOUND, "{took:?}");
    }
    // An invalid request may be refused without the database; if not, then in time.
    assert!(invalid?.1 < BOUND);
    let (live, took) = live?;
    live.expect(200);
    assert!(took < AT_ONCE, "{took:?}");

    // Requests after that do not wait at all.
    let told = poll("the program knows", BOUND, async || Ok(timed(ada.get("/orders")).await?.1 < AT_ONCE / 5)).await;
    told?;
    let noticed = frozen.elapsed();
    for path in ["/orders", "/products?sort=name", "//health/ready"] {
        let (answer, took) = timed(ada.get(path)).await?;
        unavailable(&answer)?;
        assert!(took < AT_ONCE, "{path}: {took:?}");
    }
    let ready = shop.ready().await?;
    assert_eq!((dependency(&ready, "database")?, dependency(&ready, "redis")?), ("down".into(), "up".into()));
    crowd.until_refused(REFUSALS, frozen, PATIENCE).await?;

    shop.postgres.thaw();
    let back = Instant::now();
    let worked = shop.recovers().await?;
    crowd.until_sold(SOME, back, PATIENCE).await?;
    let (attempts, sales) = crowd.leave().await?;
    let refused = || attempts.iter().filter(|attempt| attempt.status == 503);
    let longest = refused().map(|attempt| attempt.took).max().context("nothing was refused")?;
    println!(
        "noticed after {noticed:?}; {} refusals, the longest after {longest:?}; back after {worked:?}",
        refused().count()
    );
    assert!(longest < BOUND, "{longest:?}");
    let description = &nobody.get(&path).await?.expect(200).data()["description"].clone();
    assert_eq!(description, "as good as new", "what was refused was done later");
    check(&shop, &sales).await
}

/// What the database holds: the stock of one product, the price of another, and whether a user is logged in.
async fn truth(database: &Database, stock_of: &str, price_of: &str, user: &str) -> Result<(i64, i64, bool)> {
    let row = database
        .query_one(
            "SELECT (SELECT stock FROM products WHERE id::text = $1), (SELECT amount FROM products WHERE id::text = $2),
                EXISTS (SELECT FROM sessions WHERE user_id::text = $3 AND ended_at IS NULL)",
            &[&stock_of, &price_of, &user],
        )
        .await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_finish_after_a_freeze_are_seen() -> Result<()> {
    let _alone = alone().await;
    // The cache is in the process: on a busy machine a slow Redis would be bypassed for a moment, which would hide a
    // stale entry.
    let shop = Shop::open(&[("REDIS_URL", "")]).await?;
    let database = connect(&shop.database()).await?;
    let (ada, bob, nobody) = (&shop.buyers[0], &shop.buyers[1], shop.server.anonymous());
    let (sold, changed) = (&shop.products[0], &shop.products[1]);
    let product = format!("/products/{changed}");
    let shown = async || -> Result<(i64, i64, bool)> {
        let price = nobody.get(&product).await?.expect(200).data()["price"]["amount"].as_i64();
        Ok((nobody.stock(sold).await?, price.context("no price")?, bob.get("/users/me").await?.status == 200))
    };
    // Everything is cached, the users too, and there are idle connections.
    ada.order(sold, 1).await?.expect(201);
    let list = || shop.admin.get("/orders");
    tokio::try_join!(list(), list(), list(), list(), list(), list())?;
    let before = shown().await?;
    assert_eq!(shown().await?, before);

    shop.postgres.freeze();
    let price = json!({"price": {"amount": 7, "currency": "GBP"}});
    let (order, patch, logout) = tokio::join!(
        ada.order(sold, 3),
        shop.admin.patch(&product, price),
        nobody.post("/auth/logout", json!({"refreshToken": bob.refresh_token()})),
    );
    for answer in [order?, patch?, logout?] {
        unavailable(&answer)?;
    }
    shop.postgres.thaw();

    // Whether a write was done is open. If it was, it must be visible.
    poll("the program is ready", RECOVERY, async || Ok(shop.ready().await?.status == 200)).await?;
    let truth = async || truth(&database, sold, changed, bob.id()).await;
    poll("something is done", RECOVERY, async || Ok(truth().await? != before)).await?;
    let agree = poll("everybody sees it", RECOVERY, async || Ok(shown().await? == truth().await?)).await;
    let (seen, done) = (shown().await?, truth().await?);
    println!("stock, price, and whether bob is logged in: {before:?}, done late {done:?}");
    agree.with_context(|| format!("the database holds {done:?}, the program shows {seen:?}"))?;
    Ok(())
}

/// How many clients vanish.
const VANISHING: usize = 500;

/// How soon their transactions must have ended.
const CLEAN: Duration = Duration::from_secs(5);

/// An order on the wire; the last two bytes of the body are missing if it is `cut`.
fn request(address: SocketAddr, token: &str, key: &str, items: &Value, cut: bool) -> Vec<u8> {
    let body = json!({ "items": items }).to_string();
    let sent = if cut { &body[..body.len() - 2] } else { &body };
    format!(
        "POST /api/v1/orders HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
        idempotency-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{sent}",
        body.len()
    )
    .into_bytes()
}

/// How many connections are in the middle of something, and how many of those wait for their client.
async fn busy(database: &Database) -> Result<(i64, i64)> {
    let row = database
        .query_one(
            "SELECT count(*) FILTER (WHERE state <> 'idle'), count(*) FILTER (WHERE state LIKE 'idle in transaction%')
            FROM pg_stat_activity WHERE datname = 'shop' AND pid <> pg_backend_pid()",
            &[],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vanished_clients_leave_no_transaction_open() -> Result<()> {
    let _alone = alone().await;
    let shop = Shop::open(&[]).await?;
    let mut database = connect(&shop.database()).await?;
    let items = json!([{"productId": shop.products[0], "quantity": 1}, {"productId": shop.products[1], "quantity": 2}]);
    let address = shop.server.address();
    let open = |n: usize| -> Result<TcpStream> {
        let ada = &shop.buyers[n % shop.buyers.len()];
        let mut stream = TcpStream::connect(address)?;
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        stream.write_all(&request(address, ada.token(), &n.to_string(), &items, n % 2 == 1))?;
        Ok(stream)
    };

    // The first half vanishes while the database is executing their orders: these wait for a lock of the test.
    let held = database.transaction().await?;
    held.execute("SELECT FROM products FOR UPDATE", &[]).await?;
    let watcher = connect(&shop.database()).await?;
    let streams = (0..VANISHING / 2).map(open).collect::<Result<Vec<_>>>()?;
    let waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'shop' AND wait_event_type = 'Lock')";
    poll("an order waits", PATIENCE, async || Ok(watcher.query_one(waits, &[]).await?.get(0))).await?;
    drop(streams);
    held.rollback().await?;
    // The other half at any moment.
    for n in VANISHING / 2..VANISHING {
        drop(open(n)?);
    }

    let gone = Instant::now();
    poll("nothing is left open", CLEAN, async || Ok(busy(&watcher).await? == (0, 0))).await?;
    let clean = gone.elapsed();
    tokio::time::sleep_until((gone + CLEAN).into()).await;
    assert_eq!(busy(&watcher).await?, (0, 0));
    shop.recovers().await?;
    let placed: i64 = watcher.query_one("SELECT count(*) FROM orders", &[]).await?.get(0);
    println!("nothing was left open after {clean:?}; {placed} orders of {} whole requests", VANISHING / 2);
    assert!(placed > 0, "none was in the middle");

    // A retry of a complete request returns an order, new or not; an incomplete request has placed none.
    let mut sales = Vec::new();
    for n in (0..VANISHING).step_by(2) {
        let (ada, key) = (&shop.buyers[n % shop.buyers.len()], n.to_string());
        let answer =
            ada.with(Method::POST, "/orders", ("idempotency-key", &key), Some(json!({"items": items}))).await?;
        let id = answer.expect(201).id();
        sales.push(Sale { key, id, lines: vec![(shop.products[0].clone(), 1), (shop.products[1].clone(), 2)] });
    }
    check(&shop, &sales).await
}

/// Starts the program, which must fail, and returns its output.
async fn refused(database: String) -> Result<(Output, Duration)> {
    tokio::task::spawn_blocking(move || {
        let (folder, program) = (tempfile::TempDir::new()?, entrepot()?);
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder.path()).env("DATA_DIR", folder.path()).stdin(Stdio::null());
        command.envs([
            ("PORT", "0"),
            ("DATABASE_URL", &database),
            ("DB_CONNECT_TIMEOUT", "1s"),
            ("LOG_FORMAT", "pretty"),
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        while child.try_wait()?.is_none() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        let took = begun.elapsed();
        child.kill().ok();
        Ok((child.wait_with_output()?, took))
    })
    .await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_fails_without_the_database() -> Result<()> {
    let _alone = alone().await;
    let mut postgres = Postgres::start().await?;
    let url = postgres.create_database("shop").await?;
    let password = url.split(['@']).next().and_then(|start| start.rsplit(':').next()).unwrap().to_owned();
    for hangs in [true, false] {
        if hangs {
            postgres.freeze();
        } else {
            postgres.thaw();
            postgres.stop().await?;
        }
        let (output, took) = refused(url.clone()).await?;
        let (out, err) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        println!("hangs: {hangs}; {:?} after {took:?}: {out}{err}", output.status.code());
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("database") && err.trim_end().lines().count() == 1, "{err}");
        assert!(password.len() > 8 && !format!("{out}{err}").contains(&password));
        assert!(took < BOUND * 2, "{took:?}");
    }
    Ok(())
}
