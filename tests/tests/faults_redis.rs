//! Redis is killed or frozen under load: the only effect is a short delay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Postgres, Redis};
use entrepot_tests::Client;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

#[path = "faults/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other half of these tests needs the rest")]
mod faults;

use faults::{Attempt, Crowd, Kind, RECOVERY, Shop, alone, check, dependency, percentile, poll};

/// How long a phase of a test may take that makes no promise about time.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many orders are placed in each phase, by so many customers.
const SOME: usize = 400;
const CUSTOMERS: usize = 4;

/// By how much a request may be delayed when Redis goes away.
const DELAY: Duration = Duration::from_millis(300);

/// The delay that other work of the machine may add to a request.
const NOISE: Duration = Duration::from_millis(150);

/// Longer than the cache is bypassed after Redis is back.
const SETTLED: Duration = Duration::from_secs(3);

/// How Redis goes away, and how it comes back.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Killed,
    Frozen,
}

impl Fault {
    fn begin(self, redis: &mut Redis) {
        match self {
            Self::Killed => redis.kill(),
            Self::Frozen => redis.freeze(),
        }
    }

    async fn end(self, redis: &mut Redis) -> Result<()> {
        match self {
            Self::Killed => redis.restart().await,
            Self::Frozen => {
                redis.thaw();
                Ok(())
            }
        }
    }
}

/// A writer that changes a price all the time, and a reader that must never see an older price than the last confirmed
/// one.
struct Prices {
    over: Arc<AtomicBool>,
    confirmed: Arc<AtomicI64>,
    changed: JoinHandle<Result<usize>>,
    looked: Vec<JoinHandle<Result<usize>>>,
}

impl Prices {
    async fn watch(shop: &Shop) -> Result<Self> {
        let product = format!("/products/{}", shop.admin.product("DEAR", 1, 1).await?);
        let (over, confirmed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(1)));
        let writer = (shop.admin.clone(), product.clone(), over.clone(), confirmed.clone());
        let changed = tokio::spawn(change(writer.0, writer.1, writer.2, writer.3));
        let look = |client: Client| tokio::spawn(look(client, product.clone(), over.clone(), confirmed.clone()));
        let looked = vec![look(shop.server.anonymous()), look(shop.server.anonymous())];
        Ok(Self { over, confirmed, changed, looked })
    }

    /// How often the price was changed until now.
    fn changes(&self) -> i64 {
        self.confirmed.load(SeqCst)
    }

    /// How often it was changed and looked at.
    async fn end(self) -> Result<(usize, usize)> {
        self.over.store(true, SeqCst);
        let (changed, mut looked) = (self.changed.await??, 0);
        for one in self.looked {
            looked += one.await??;
        }
        Ok((changed, looked))
    }
}

async fn change(admin: Client, product: String, over: Arc<AtomicBool>, confirmed: Arc<AtomicI64>) -> Result<usize> {
    let mut changes = 0;
    while !over.load(SeqCst) {
        let price = confirmed.load(SeqCst) + 1;
        let change = json!({"price": {"amount": price, "currency": "GBP"}});
        let answer = admin.patch(&product, change).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
        confirmed.store(price, SeqCst);
        changes += 1;
        // Time for the reader to fill the cache.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(changes)
}

async fn look(client: Client, product: String, over: Arc<AtomicBool>, confirmed: Arc<AtomicI64>) -> Result<usize> {
    let mut looks = 0;
    while !over.load(SeqCst) {
        let least = confirmed.load(SeqCst);
        let answer = client.get(&product).await?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.body);
        let price = answer.data()["price"]["amount"].as_i64().context("no price")?;
        ensure!(price >= least, "the price was {price} after {least} was confirmed");
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(looks)
}

/// How long requests of a kind took that began in a span of time: half of them, 99 of 100, and all.
fn took(attempts: &[Attempt], kind: Kind, from: Instant, to: Instant) -> [Duration; 3] {
    let span = |attempt: &&Attempt| attempt.kind == kind && attempt.begun >= from && attempt.begun < to;
    [50, 99, 100].map(|percent| percentile(percent, attempts.iter().filter(span).map(|attempt| attempt.took)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_of_redis_is_a_bounded_delay() -> Result<()> {
    goes_and_comes(Fault::Killed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_redis_is_a_bounded_delay() -> Result<()> {
    goes_and_comes(Fault::Frozen).await
}

async fn goes_and_comes(fault: Fault) -> Result<()> {
    let _alone = alone().await;
    let mut shop = Shop::open(&[]).await?;
    let prices = Prices::watch(&shop).await?;
    let mut crowd = Crowd::enter(&shop, CUSTOMERS);
    // The first requests are slower: connections and statements are not prepared.
    crowd.until_sold(SOME / 4, Instant::now(), PATIENCE).await?;
    let begun = Instant::now();
    crowd.until_sold(SOME, begun, PATIENCE).await?;

    let gone = Instant::now();
    fault.begin(&mut shop.redis);
    crowd.until_sold(SOME, gone, PATIENCE).await?;
    let ready = shop.ready().await?.expect(200);
    assert_eq!((dependency(&ready, "database")?, dependency(&ready, "redis")?), ("up".into(), "down".into()));
    let so_far = prices.changes();
    poll("prices change without Redis", PATIENCE, async || Ok(prices.changes() > so_far + 10)).await?;

    let back = Instant::now();
    fault.end(&mut shop.redis).await?;
    let noticed = poll("Redis is used again", RECOVERY, async || shop.shows("redis", "up").await).await?;
    let used = Instant::now();
    // Long enough that a stale value would be served again.
    crowd.until_sold(SOME / 4, used + SETTLED, PATIENCE).await?;
    shop.recovers().await?;
    let (changed, looked) = prices.end().await?;
    let (attempts, sales) = crowd.leave().await?;

    // Once, or twice if Redis was slow on a busy machine; but not once for each request.
    let told = shop.server.log().matches("going on without it").count();
    assert!((1..=5).contains(&told), "it was told {told} times");
    if told > 1 {
        let log = shop.server.log();
        log.lines().filter(|line| line.contains("entrepot_redis")).for_each(|line| println!("{line}"));
    }
    println!(
        "{fault:?}: {changed} changes of a price, {looked} looks at it; told {told} times; used again after {noticed:?}"
    );
    for kind in [Kind::Look, Kind::Order] {
        let (before, during) = (took(&attempts, kind, begun, gone), took(&attempts, kind, gone, back));
        println!("  {kind:?}: 50 %, 99 % and all in {before:?}, without Redis in {during:?}");
        assert!(during[2] <= before[2] + DELAY + NOISE, "one waited for longer than it may");
        assert!(during[1] <= before[1] * 3 + NOISE, "they wait again and again");
        assert!(during[0] <= before[0] * 3 + NOISE / 10, "all of them wait");
    }
    let tries = attempts.iter().filter(|attempt| attempt.kind == Kind::Order);
    let (all, refused) = (tries.clone().count(), tries.filter(|attempt| attempt.status != 201).count());
    println!("  {refused} of {all} tries to order were refused");
    assert!(refused * 1_000 <= all, "{refused} of {all} tries were refused");
    check(&shop, &sales).await
}

const FAULTS: [Fault; 2] = [Fault::Killed, Fault::Frozen];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_without_redis() -> Result<()> {
    let _alone = alone().await;
    let mut shop = Shop::open(&[]).await?;
    for fault in FAULTS {
        let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "20"), ("RATE_LIMIT_AUTH_MAX", "5")];
        let server = shop.instance(&limits).await?;
        let (nobody, product) = (server.anonymous(), format!("/products/{}", shop.products[0]));
        let up = async |status| Ok(dependency(&nobody.get("//health/ready").await?.expect(200), "redis")? == status);
        poll("the instance uses Redis", RECOVERY, async || up("up").await).await?;

        // From the first request on, which is the one that notices.
        fault.begin(&mut shop.redis);
        let login = json!({"email": shop.buyers[0].email(), "password": "not hers, at all"});
        for _ in 0..5 {
            nobody.post("/auth/login", login.clone()).await?.error(401, "invalid_credentials");
        }
        nobody.post("/auth/login", login).await?.error(429, "rate_limited");
        for left in (0..14).rev() {
            let answer = nobody.get(&product).await?.expect(200);
            assert_eq!(answer.header("ratelimit-remaining"), left.to_string(), "{fault:?}");
        }
        let refused = nobody.get(&product).await?;
        assert!(refused.error(429, "rate_limited").header("retry-after").parse::<u64>()? > 0);
        assert!(up("down").await?);

        // And when it is back they are counted there again.
        fault.end(&mut shop.redis).await?;
        poll("Redis is used again", RECOVERY, async || up("up").await).await?;
        let mut passed = 0;
        while nobody.get(&product).await?.status == 200 {
            passed += 1;
        }
        assert!(passed <= 20, "{fault:?}: {passed}");
        let counted = ask(&shop.redis, "KEYS other:limit:*").await?;
        assert!(counted.contains("address:"), "{fault:?}: {counted}");
    }
    Ok(())
}

/// What Redis answers, as it stands on the wire.
async fn ask(redis: &Redis, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).await?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_without_redis_is_effective() -> Result<()> {
    let _alone = alone().await;
    for fault in FAULTS {
        let mut shop = Shop::open(&[]).await?;
        let (phone, bob) = (&shop.buyers[0].clone(), &shop.buyers[1].clone());
        let desk = phone.again().await?;
        let roles = format!("/users/{}/roles", bob.id());
        shop.admin.put(&roles, json!({"roles": ["staff"]})).await?.expect(200);
        // The cache at the time when Redis goes away.
        for _ in 0..3 {
            phone.get("/users/me").await?.expect(200);
            desk.get("/users/me").await?.expect(200);
            bob.product(&unique("NEW"), 1, 1).await?;
        }

        fault.begin(&mut shop.redis);
        let begun = Instant::now();
        phone.post("/auth/logout", json!({"refreshToken": phone.refresh_token()})).await?.expect(204);
        let out = begun.elapsed();
        phone.get("/users/me").await?.error(401, "invalid_token");
        shop.admin.put(&roles, json!({"roles": ["customer"]})).await?.expect(200);
        let forbidden = json!({"sku": "NO", "name": "No", "price": {"amount": 1, "currency": "GBP"}, "stock": 1});
        bob.post("/products", forbidden.clone()).await?.error(403, "forbidden");
        desk.get("/users/me").await?.expect(200);
        assert!(shop.shows("redis", "down").await?);
        println!("{fault:?}: logged out in {out:?}");

        // A frozen Redis still has the entries that it was not told to remove.
        fault.end(&mut shop.redis).await?;
        poll("Redis is used again", RECOVERY, async || {
            phone.get("/users/me").await?.error(401, "invalid_token");
            bob.post("/products", forbidden.clone()).await?.error(403, "forbidden");
            shop.shows("redis", "up").await
        })
        .await?;
        let used = Instant::now();
        while used.elapsed() < SETTLED {
            phone.get("/users/me").await?.error(401, "invalid_token");
            bob.post("/products", forbidden.clone()).await?.error(403, "forbidden");
            desk.get("/users/me").await?.expect(200);
        }
    }
    Ok(())
}

/// A name that no other product has.
fn unique(name: &str) -> String {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    format!("{name}-{}", NEXT.fetch_add(1, SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_starts_without_redis_and_uses_it_later() -> Result<()> {
    let _alone = alone().await;
    for fault in FAULTS {
        let (postgres, mut redis) = tokio::try_join!(Postgres::start(), Redis::start())?;
        fault.begin(&mut redis);
        let begun = Instant::now();
        let mut shop = Shop::open_on(postgres, redis, &[]).await?;
        println!("{fault:?}: open after {:?}", begun.elapsed());
        let ready = shop.ready().await?.expect(200);
        assert_eq!((dependency(&ready, "database")?, dependency(&ready, "redis")?), ("up".into(), "down".into()));
        let mut crowd = Crowd::enter(&shop, CUSTOMERS);
        let entered = Instant::now();
        crowd.until_sold(SOME / 4, entered, PATIENCE).await?;

        let back = Instant::now();
        fault.end(&mut shop.redis).await?;
        shop.recovers().await?;
        let kept = async || {
            shop.server.anonymous().get(&format!("/products/{}", shop.products[0])).await?.expect(200);
            let keys = ask(&shop.redis, "KEYS *").await?;
            let Some(key) = keys.lines().find(|key| key.ends_with(&shop.products[0])) else { return Ok(false) };
            // Not the token of a load, which has another prefix.
            Ok(ask(&shop.redis, &format!("GETRANGE {key} 0 0")).await?.lines().any(|line| line == "="))
        };
        poll("Redis remembers a product", RECOVERY, kept).await?;
        println!("  used {:?} after it came", back.elapsed());
        crowd.until_sold(SOME / 4, back, PATIENCE).await?;
        let (attempts, sales) = crowd.leave().await?;
        assert!(attempts.iter().all(|attempt| attempt.status < 300));
        check(&shop, &sales).await?;
    }
    Ok(())
}
