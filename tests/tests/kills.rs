//! Servers and workers that are killed again and again while a shop sells: what follows an order happens all the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{
    Beside, Client, Receiver, Server,
    feed::{Sse, Ws},
    mail::mails,
    stores,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

/// How often the server is killed, and the worker if it is a process of its own.
const KILLS: u64 = 20;

const BUYERS: usize = 4;

/// At most so many orders are placed between two kills.
const MAX_ORDERS: u64 = 40;

const STOCK: i64 = 1_000_000;

/// Longer than the longest lease, which is 30 seconds, and what is done then.
const PATIENCE: Duration = Duration::from_secs(75);

const SETTINGS: [(&str, &str); 2] = [("WEBHOOK_ALLOW_PRIVATE", "true"), ("ORDER_PENDING_TTL", "1s")];

/// The identifiers of the events that a client has got.
type Seen = Vec<String>;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Buys until the server is gone. Each order has a key; one without an answer is asked for again by the next call.
async fn buy(buyer: Client, mug: String, name: usize, mut next: usize, placed: Arc<Semaphore>) -> (usize, usize) {
    let order = json!({"items": [{"productId": mug, "quantity": 2}]});
    loop {
        let key = format!("{name}-{next}");
        let answer = buyer.with(Method::POST, "/orders", ("idempotency-key", &key), Some(order.clone())).await;
        match answer {
            Ok(answer) if answer.status == 201 => next += 1,
            // What it says while it ends.
            Ok(answer) if answer.status == 503 => {}
            Ok(answer) => panic!("{}: {}", answer.status, answer.body),
            Err(_) => return (name, next),
        }
        placed.add_permits(1);
    }
}

/// Follows by server-sent events until this event, or until the server is gone.
async fn follow_sse(client: Client, mut seen: Seen, until: Option<String>) -> Seen {
    let Ok(mut feed) = Sse::open(&client, "", seen.last().map(String::as_str)).await else { return seen };
    while seen.last() != until.as_ref() {
        let Ok(event) = feed.event().await else { break };
        seen.push(text(&event["id"]));
    }
    seen
}

/// The same by WebSocket.
async fn follow_ws(client: Client, mut seen: Seen, until: Option<String>) -> Seen {
    let query = seen.last().map(|last| format!("?lastEventId={last}")).unwrap_or_default();
    let Ok(mut feed) = Ws::open(&client, &query).await else { return seen };
    while seen.last() != until.as_ref() {
        let Ok(event) = feed.next().await else { break };
        seen.push(text(&event["id"]));
    }
    seen
}

/// Every event after this one.
async fn log(staff: &Client, mut after: String) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    loop {
        let page = staff.get(&format!("/events/log?limit=100&after={after}")).await?.expect(200);
        let Some(last) = page.list().last() else { return Ok(all) };
        after = text(&last["id"]);
        all.extend_from_slice(page.list());
    }
}

/// Waits until something is so.
async fn until<F: Future<Output = Result<bool>>>(what: &str, is_so: impl Fn() -> F) -> Result<()> {
    let begun = Instant::now();
    while !is_so().await? {
        ensure!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A shop that sells while its processes are killed.
struct Shop {
    server: Server,
    /// The worker, unless the server is one too.
    worker: Option<Beside>,
    staff: Client,
    buyer: Client,
    mug: String,
    receiver: Receiver,
    /// The last event before the first kill.
    begin: String,
    random: RandomState,
    sse: Seen,
    ws: Seen,
    /// How many orders of each buyer were answered.
    bought: HashMap<usize, usize>,
}

impl Shop {
    async fn open(server: Server, has_worker: bool) -> Result<Self> {
        let worker = if has_worker { Some(server.beside(&["worker"], &[])?) } else { None };
        let (staff, buyer) = (server.staff().await?, server.customer("ada@example.com").await?);
        let mug = staff.product("MUG", 295, STOCK).await?;
        let receiver = Receiver::willing().await?;
        staff.post("/webhooks", json!({"url": receiver.url(), "types": ["*"]})).await?.expect(201);
        // The creation of the product is the last of them.
        let is_logged = || async {
            let page = staff.get("/events/log?type=product.created").await?.expect(200);
            Ok(!page.list().is_empty())
        };
        until("the product is in no log", is_logged).await?;
        let log = staff.get("/events/log?limit=100").await?.expect(200);
        let begin = text(&log.list().last().context("no event")?["id"]);
        let seen = || vec![begin.clone()];
        Ok(Self {
            sse: seen(),
            ws: seen(),
            bought: (0..BUYERS).map(|name| (name, 0)).collect(),
            random: RandomState::new(),
            server,
            worker,
            staff,
            buyer,
            mug,
            receiver,
            begin,
        })
    }

    /// Sells, and kills the worker and then the server after a random number of orders.
    async fn sell_and_kill(&mut self, kill: u64) -> Result<()> {
        let placed = Arc::new(Semaphore::new(0));
        let mut buyers = JoinSet::new();
        for (&name, &next) in &self.bought {
            buyers.spawn(buy(self.buyer.clone(), self.mug.clone(), name, next, placed.clone()));
        }
        let sse = tokio::spawn(follow_sse(self.staff.clone(), std::mem::take(&mut self.sse), None));
        let ws = tokio::spawn(follow_ws(self.staff.clone(), std::mem::take(&mut self.ws), None));
        let orders = |part: u64| u32::try_from(1 + self.random.hash_one((kill, part)) % MAX_ORDERS).unwrap_or(1);
        timeout(PATIENCE, placed.acquire_many(orders(0))).await.context("nothing is sold")??.forget();
        if let Some(worker) = &mut self.worker {
            worker.kill()?;
            *worker = self.server.beside(&["worker"], &[])?;
            timeout(PATIENCE, placed.acquire_many(orders(1))).await.context("nothing is sold")??.forget();
        }
        self.server.kill()?;
        self.bought.extend(buyers.join_all().await);
        (self.sse, self.ws) = (sse.await?, ws.await?);
        self.server.restart()?;
        (self.staff, self.buyer) = (self.server.again(&self.staff), self.server.again(&self.buyer));
        Ok(())
    }

    /// Every order is cancelled once, as nobody pays.
    async fn check_orders(&self) -> Result<BTreeSet<String>> {
        let is_over =
            || async { Ok(self.staff.get("/orders?status=pending&limit=1").await?.expect(200).list().is_empty()) };
        until("orders are pending for ever", is_over).await?;
        let orders = self.staff.all("/orders").await?;
        let answered: usize = self.bought.values().sum();
        assert!((answered..=answered + BUYERS).contains(&orders.len()), "{} orders, {answered} answers", orders.len());
        assert_eq!(self.staff.stock(&self.mug).await?, STOCK, "each gave its stock back once");
        Ok(orders.iter().map(|order| text(&order["id"])).collect())
    }

    /// The log has for each order that it was placed and cancelled, and what that did to the stock, each once.
    async fn check_log(&self, orders: &BTreeSet<String>) -> Result<Vec<String>> {
        let is_whole = || async { Ok(log(&self.staff, self.begin.clone()).await?.len() >= 4 * orders.len()) };
        until("the log is not whole", is_whole).await?;
        let log = log(&self.staff, self.begin.clone()).await?;
        let of = |kind: &str| -> Vec<&Value> { log.iter().filter(|event| event["type"] == kind).collect() };
        for kind in ["order.created", "order.status_changed"] {
            let about: Vec<_> = of(kind).iter().map(|event| text(&event["data"]["orderId"])).collect();
            assert_eq!(about.len(), orders.len(), "{kind}");
            assert_eq!(about.into_iter().collect::<BTreeSet<_>>(), *orders, "{kind}");
        }
        let mut stock = STOCK;
        for event in of("product.stock_changed") {
            stock += event["data"]["delta"].as_i64().unwrap();
            assert_eq!(event["data"]["stock"], stock, "in its order: {event}");
        }
        assert_eq!(stock, STOCK);
        Ok(log.iter().map(|event| text(&event["id"])).collect())
    }

    /// Who follows has every event once and in order; the receiver has each at least once; the buyer has their mails.
    async fn check_followers(self, orders: &BTreeSet<String>, log: Vec<String>) -> Result<()> {
        let last = log.last().cloned();
        let sse = follow_sse(self.staff.clone(), self.sse, last.clone()).await;
        let ws = follow_ws(self.staff.clone(), self.ws, last).await;
        assert!(sse[1..] == log, "{} by SSE, {} in the log", sse.len() - 1, log.len());
        assert!(ws[1..] == log, "{} by WebSocket, {} in the log", ws.len() - 1, log.len());
        let wanted: BTreeSet<_> = log.into_iter().collect();
        let receiver = &self.receiver;
        let all_came = || async { Ok(wanted.is_subset(&receiver.all().into_iter().map(|one| one.id).collect())) };
        until("an event was not delivered", all_came).await?;
        let folder = self.server.folder();
        let is_mailed = || async {
            let mails = mails(folder)?;
            let of = |kind: &str| mails.iter().filter(|mail| mail.kind == kind).map(|mail| mail.text.clone()).collect();
            let (placed, changed): (Vec<String>, Vec<String>) = (of("order_confirmation"), of("order_status"));
            let (placed, changed) = (placed.concat(), changed.concat());
            Ok(orders.iter().all(|order| placed.contains(order) && changed.contains(order)))
        };
        until("an order was not mailed", is_mailed).await
    }
}

async fn nothing_is_lost(server: Server, has_worker: bool) -> Result<()> {
    let mut shop = Shop::open(server, has_worker).await?;
    for kill in 0..KILLS {
        shop.sell_and_kill(kill).await.with_context(|| format!("kill {kill}"))?;
    }
    let orders = shop.check_orders().await?;
    let log = shop.check_log(&orders).await?;
    println!("{} orders, {} events", orders.len(), log.len());
    shop.check_followers(&orders, log).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_an_embedded_server_lose_nothing() -> Result<()> {
    nothing_is_lost(Server::start(&SETTINGS).await?, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_server_and_worker_lose_nothing() -> Result<()> {
    let settings = [&SETTINGS[..], &[("TEST_ARGUMENTS", "serve --no-worker")]].concat();
    nothing_is_lost(stores::start(1, &settings).await?, true).await
}
