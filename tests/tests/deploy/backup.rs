//! `deploy/backup` and `deploy/restore`: a shop is backed up while it sells, and lost.

use std::{
    convert::Infallible,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, Server, feed::Sse, stores};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::{root, text};

/// Runs one of the scripts for a store.
fn script(name: &str, store: (&str, &str), argument: &Path) -> Result<Output> {
    let mut script = Command::new(root().join("deploy").join(name));
    script.env_remove("DATABASE_URL").env_remove("DATA_DIR").env(store.0, store.1).arg(argument);
    Ok(script.output()?)
}

/// Makes a backup, and returns its file.
fn backup(store: (&str, &str), folder: &Path) -> Result<PathBuf> {
    let out = script("backup", store, folder)?;
    ensure!(out.status.success(), "{}", text(&out));
    let file = PathBuf::from(String::from_utf8(out.stdout)?.trim());
    let files: Vec<_> = fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    ensure!(files == [file.clone()], "{files:?} are left");
    Ok(file)
}

fn restore(store: (&str, &str), file: &Path) -> Result<()> {
    let out = script("restore", store, file)?;
    ensure!(out.status.success(), "{}", text(&out));
    Ok(())
}

/// The secrets, which are in no backup.
const SECRETS: [(&str, &str); 2] = [
    ("JWT_SECRET", "a secret that is long enough to sign"),
    ("REFRESH_TOKEN_SECRET", "a secret that is long enough to refresh"),
];

/// What a shop has.
struct Shop {
    staff: Client,
    ada: Client,
    mug: String,
    /// The orders of Ada, the newest first.
    orders: Vec<Value>,
    stock: i64,
    /// The last event that a client had seen when the backup was made.
    last_id: String,
}

impl Shop {
    /// Sells, and makes a backup while others go on selling.
    async fn backed_up(server: &Server, store: (&str, &str), folder: &Path) -> Result<(Self, PathBuf)> {
        let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
        let bob = server.customer("bob@example.com").await?;
        let (mug, cup) = (staff.product("MUG", 295, 100).await?, staff.product("CUP", 395, 10_000).await?);
        for quantity in 1..=5 {
            ada.order(&mug, quantity).await?.expect(201);
        }
        let paid = ada.get("/orders").await?.expect(200).list()[0]["id"].as_str().context("no order")?.to_owned();
        staff.call(&format!("/orders/{paid}/pay")).await?.expect(200);
        let (orders, stock) = (ada.all("/orders").await?, ada.stock(&mug).await?);
        let last_id = last_event(&staff).await?;
        let selling = tokio::spawn(sell(bob, cup));
        let (name, value, target) = (store.0.to_owned(), store.1.to_owned(), folder.to_owned());
        let file = tokio::task::spawn_blocking(move || backup((&name, &value), &target)).await??;
        ensure!(!selling.is_finished(), "the backup disturbed those who buy: {:?}", selling.await);
        selling.abort();
        Ok((Self { staff, ada, mug, orders, stock, last_id }, file))
    }

    /// Checks what a server has that began with the backup.
    async fn is_whole(&self, server: &Server) -> Result<()> {
        let ada = server.anonymous().login(self.ada.email(), self.ada.password()).await?;
        let staff = server.anonymous().login(self.staff.email(), self.staff.password()).await?;
        assert_eq!(ada.all("/orders").await?, self.orders);
        assert_eq!(ada.stock(&self.mug).await?, self.stock);
        // Whoever was logged in still is.
        server.again(&self.ada).get("/users/me").await?.expect(200);
        // It goes on.
        let order = ada.order(&self.mug, 1).await?.expect(201).id();
        assert_eq!(ada.stock(&self.mug).await?, self.stock - 1);
        // A client that comes with an event of before the backup gets all that it missed.
        let mut feed = Sse::open(&staff, "?types=order.created", Some(&self.last_id)).await?;
        loop {
            let event = feed.event().await?;
            assert_eq!(event["type"], "order.created", "{event}");
            if event["data"]["orderId"] == order.as_str() {
                return Ok(());
            }
        }
    }
}

/// Sells until an order fails.
async fn sell(bob: Client, cup: String) -> Result<Infallible> {
    loop {
        bob.order(&cup, 1).await?.expect(201);
    }
}

/// The id of the newest event.
async fn last_event(staff: &Client) -> Result<String> {
    let mut after = String::new();
    loop {
        let page = staff.get(&format!("/events/log?limit=100&after={after}")).await?.expect(200);
        match page.body["pagination"]["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return Ok(page.list().last().context("no event")?["id"].as_str().context("no id")?.to_owned()),
        }
    }
}

/// A client that has seen events which the backup does not have is told to read afresh, even when the new log has given as
/// many numbers again.
async fn lost_event_is_unknown(server: &Server, shop: &Shop, lost: &str) -> Result<()> {
    let staff = server.anonymous().login(shop.staff.email(), shop.staff.password()).await?;
    let unknown = json!({"type": "reset", "reason": "unknown"});
    assert_eq!(Sse::open(&staff, "", Some(lost)).await?.event().await?, unknown);
    // More events than were lost, so that their numbers are given again.
    let ada = server.anonymous().login(shop.ada.email(), shop.ada.password()).await?;
    while last_event(&staff).await?.as_str() <= lost {
        ada.order(&shop.mug, 1).await?.expect(201);
    }
    assert_eq!(Sse::open(&staff, "", Some(lost)).await?.event().await?, unknown);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_of_sqlite_is_restored() -> Result<()> {
    let mut server = Server::start(&SECRETS).await?;
    let folder = TempDir::new()?;
    let data = server.folder().to_str().context("no path")?.to_owned();
    let (shop, file) = Shop::backed_up(&server, ("DATA_DIR", &data), folder.path()).await?;
    // What is done after the backup is lost.
    shop.ada.order(&shop.mug, 1).await?.expect(201);
    let lost = last_event(&shop.staff).await?;
    server.kill()?;

    // Nothing is overwritten, and nothing damaged is restored.
    let refused = script("restore", ("DATA_DIR", &data), &file)?;
    assert_eq!(
        (refused.status.code(), text(&refused).contains("exists already")),
        (Some(1), true),
        "{}",
        text(&refused)
    );
    let elsewhere = folder.path().join("data");
    let elsewhere = elsewhere.to_str().context("no path")?;
    let damaged = folder.path().join("damaged");
    let whole = fs::read(&file)?;
    fs::write(&damaged, &whole[..whole.len() / 2])?;
    let refused = script("restore", ("DATA_DIR", elsewhere), &damaged)?;
    assert_eq!((refused.status.code(), text(&refused).contains("is damaged")), (Some(1), true), "{}", text(&refused));
    assert!(!Path::new(elsewhere).join("entrepot.db").exists());

    restore(("DATA_DIR", elsewhere), &file)?;
    let restored = Server::start(&[&SECRETS[..], &[("DATA_DIR", elsewhere)]].concat()).await?;
    lost_event_is_unknown(&restored, &shop, &lost).await?;
    drop(restored);
    fs::remove_dir_all(elsewhere)?;
    restore(("DATA_DIR", elsewhere), &file)?;
    let restored = Server::start(&[&SECRETS[..], &[("DATA_DIR", elsewhere)]].concat()).await?;
    shop.is_whole(&restored).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn database_of_postgres_is_restored() -> Result<()> {
    let mut server = stores::start(1, &SECRETS).await?;
    let folder = TempDir::new()?;
    let url = server.setting("DATABASE_URL").context("no database")?.to_owned();
    let store = ("DATABASE_URL", url.as_str());
    let (shop, file) = Shop::backed_up(&server, store, folder.path()).await?;
    shop.ada.order(&shop.mug, 1).await?.expect(201);
    let lost = last_event(&shop.staff).await?;
    server.kill()?;

    let refused = script("restore", store, &file)?;
    assert_eq!(
        (refused.status.code(), text(&refused).contains("tables already")),
        (Some(1), true),
        "{}",
        text(&refused)
    );
    let other_kind = script("restore", ("DATA_DIR", "nowhere"), &file)?;
    assert!(text(&other_kind).contains("another kind of store"), "{}", text(&other_kind));

    for check in ["lost", "whole"] {
        let database = stores::empty_database().await?;
        let url = format!("{}{}pgbouncer=false", database.url(), if database.url().contains('?') { '&' } else { '?' });
        restore(("DATABASE_URL", &url), &file)?;
        let restored = Server::start(&[&SECRETS[..], &[("DATABASE_URL", database.url())]].concat()).await?;
        match check {
            "lost" => lost_event_is_unknown(&restored, &shop, &lost).await?,
            _ => shop.is_whole(&restored).await?,
        }
    }
    Ok(())
}
