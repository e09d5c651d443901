//! TLS in the process: HTTP/2 and HTTP/1.1 over it, and certificates that are renewed while it serves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    fs,
    os::unix::fs::symlink,
    process::Output,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{PASSWORD, Pair, Server, Wire};
use reqwest::{Certificate, Version};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far longer than a new file takes to be noticed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the tests ask of a certificate.
trait Shown {
    async fn is_shown(&self, server: &Server) -> bool;
    async fn will_be_shown(&self, server: &Server) -> Result<()>;
}

impl Shown for Pair {
    /// Whether this is the one that the server shows to new clients.
    async fn is_shown(&self, server: &Server) -> bool {
        let asked = async { Ok::<_, anyhow::Error>(self.client()?.get(live(server)).send().await?.status() == 200) };
        asked.await.unwrap_or(false)
    }

    /// Waits until it is.
    async fn will_be_shown(&self, server: &Server) -> Result<()> {
        let began = Instant::now();
        while !self.is_shown(server).await {
            ensure!(began.elapsed() < PATIENCE, "the new certificate is not taken up: {}", server.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

fn live(server: &Server) -> String {
    format!("{}/health/live", server.url())
}

async fn started(pair: &Pair) -> Result<(Server, TempDir)> {
    let folder = TempDir::new()?;
    pair.write(folder.path())?;
    Ok((Server::with_tls(folder.path(), &[]).await?, folder))
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

#[tokio::test]
async fn shop_is_served_over_http_2() -> Result<()> {
    let pair = Pair::new()?;
    let (server, _folder) = started(&pair).await?;
    assert!(server.url().starts_with("https://"), "{}", server.log());
    let made = server
        .command(&["admin", "create", "--email", "a@example.com", "--name", "A"], &[("ADMIN_PASSWORD", PASSWORD)])?;
    assert!(made.status.success(), "{}", stderr(&made));
    let client = pair.client()?;
    let api = format!("{}/api/v1", server.url());
    let post = async |path: &str, token: &str, body: Value| -> Result<Value> {
        let answer = client.post(format!("{api}{path}")).bearer_auth(token).json(&body).send().await?;
        assert_eq!(answer.version(), Version::HTTP_2);
        ensure!(answer.status().is_success(), "{path}: {}", answer.text().await?);
        Ok(answer.json().await?)
    };
    let session = post("/auth/login", "", json!({"email": "a@example.com", "password": PASSWORD})).await?;
    let token = session["data"]["token"].as_str().context("no token")?;
    let mug = json!({"sku": "MUG", "name": "Mug", "price": {"amount": 295, "currency": "GBP"}, "stock": 100});
    let mug = post("/products", token, mug).await?;
    let basket = json!({"items": [{"productId": mug["data"]["id"], "quantity": 2}]});
    // Side by side on one connection.
    let orders = (0..20).map(|_| post("/orders", token, basket.clone()));
    for order in futures_util::future::join_all(orders).await {
        assert_eq!(order?["data"]["total"]["amount"], 590);
    }
    let left = client.get(format!("{api}/products/{}", mug["data"]["id"].as_str().unwrap())).send().await?;
    assert_eq!(left.json::<Value>().await?["data"]["stock"], 60);
    Ok(())
}

#[tokio::test]
async fn http_1_1_client_is_served() -> Result<()> {
    let pair = Pair::new()?;
    let (server, _folder) = started(&pair).await?;
    let trusted = Certificate::from_pem(pair.certificate.as_bytes())?;
    let client = reqwest::Client::builder().tls_certs_only([trusted]).http1_only().build()?;
    let answer = client.get(live(&server)).send().await?;
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_11));
    let stranger = Pair::new()?;
    assert!(stranger.client()?.get(live(&server)).send().await.is_err(), "a client that does not trust it");
    Ok(())
}

#[tokio::test]
async fn plain_http_is_told_so_and_junk_and_silence_are_ended() -> Result<()> {
    let (server, _folder) = started(&Pair::new()?).await?;
    let mut plain = Wire::to(server.address()).await?;
    plain.say("GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n").await?;
    let answer = plain.answer().await?;
    assert!(answer.status == 400 && answer.closes(), "{answer:?}");
    assert!(answer.text.contains("https"), "{answer:?}");
    plain.ended().await?;
    let mut junk = Wire::to(server.address()).await?;
    junk.say([0; 1_000]).await?;
    junk.ended().await?;
    // The beginning of a handshake, and no more.
    let mut half = Wire::to(server.address()).await?;
    half.say([22, 3, 1, 2, 0, 1]).await?;
    half.ended().await?;
    assert!(half.age() < Duration::from_secs(15), "{:?}", half.age());
    Ok(())
}

#[tokio::test]
async fn new_files_are_taken_up_and_old_connections_live_on() -> Result<()> {
    let first = Pair::new()?;
    let (server, folder) = started(&first).await?;
    let staying = first.client()?;
    staying.get(live(&server)).send().await?.error_for_status()?;

    // Written over.
    let second = Pair::new()?;
    second.write(folder.path())?;
    second.will_be_shown(&server).await?;
    assert!(!first.is_shown(&server).await);
    // The client that trusts only the first one has no way to a new connection.
    staying.get(live(&server)).send().await?.error_for_status()?;

    // Renamed into their places, as certbot and most others do.
    let third = Pair::new()?;
    let beside = TempDir::new_in(folder.path())?;
    third.write(beside.path())?;
    for file in ["cert.pem", "key.pem"] {
        fs::rename(beside.path().join(file), folder.path().join(file))?;
    }
    third.will_be_shown(&server).await?;
    staying.get(live(&server)).send().await?.error_for_status()?;
    Ok(())
}

/// Kubernetes mounts a secret as links to a link to a folder, and changes the middle one.
#[tokio::test]
async fn swapped_link_is_followed() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    let (first, second) = (Pair::new()?, Pair::new()?);
    for (name, pair) in [("..1", &first), ("..2", &second)] {
        fs::create_dir(path.join(name))?;
        pair.write(&path.join(name))?;
    }
    symlink("..1", path.join("..data"))?;
    for file in ["cert.pem", "key.pem"] {
        symlink(format!("..data/{file}"), path.join(file))?;
    }
    let server = Server::with_tls(path, &[]).await?;
    assert!(first.is_shown(&server).await);
    symlink("..2", path.join("..data_tmp"))?;
    fs::rename(path.join("..data_tmp"), path.join("..data"))?;
    second.will_be_shown(&server).await
}

#[tokio::test]
async fn files_that_are_no_good_are_told_of_once_and_the_old_ones_kept() -> Result<()> {
    let first = Pair::new()?;
    let (server, folder) = started(&first).await?;
    let bad = Pair { certificate: "no certificate".to_owned(), key: first.key.clone() };
    bad.write(folder.path())?;
    server.printed("the old one stays in use").await?;
    assert!(first.is_shown(&server).await);
    // The key of another one.
    let second = Pair::new()?;
    fs::write(folder.path().join("cert.pem"), &second.certificate)?;
    server.printed("another one's").await?;
    assert!(first.is_shown(&server).await);
    second.write(folder.path())?;
    second.will_be_shown(&server).await?;
    let log = server.log();
    assert_eq!(log.matches("the old one stays in use").count(), 2, "{log}");
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    Ok(())
}

#[tokio::test]
async fn files_that_are_no_good_stop_the_start() -> Result<()> {
    let server = Server::start(&[]).await?;
    let (pair, other) = (Pair::new()?, Pair::new()?);
    pair.write(server.folder())?;
    server.file("other.pem", &other.key)?;
    server.file("junk.pem", "junk")?;
    for (certificate, key, mistakes) in [
        ("cert.pem", "", &["TLS_KEY must name"][..]),
        ("", "key.pem", &["TLS_CERT must name"]),
        ("nowhere.pem", "nothing.pem", &["TLS_CERT must name", "nowhere.pem", "TLS_KEY must name", "nothing.pem"]),
        ("junk.pem", "junk.pem", &["TLS_CERT must name", "TLS_KEY must name"]),
        ("key.pem", "cert.pem", &["TLS_CERT must name", "TLS_KEY must name"]),
        ("cert.pem", "other.pem", &["TLS_KEY must be the key of the certificate"]),
        ("cert.pem", "key.pem", &[]),
    ] {
        // With another mistake, to see that all come at once.
        let out = server.command(&["migrate"], &[("TLS_CERT", certificate), ("TLS_KEY", key), ("PORT", "x")])?;
        let said = stderr(&out);
        assert_eq!(out.status.code(), Some(2), "{said}");
        assert!(said.contains("PORT must"), "{said}");
        for mistake in mistakes {
            assert!(said.contains(mistake), "{certificate} {key} {mistake}: {said}");
        }
        assert_eq!(said.matches("TLS_").count() > 0, !mistakes.is_empty(), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn doctor_reports_when_the_certificate_expires() -> Result<()> {
    let server = Server::start(&[]).await?;
    let files = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem"), ("DATA_DIR", "elsewhere")];
    for (year, code, word) in
        [(2999, 0, "ok     certificate: fits its key, and ends on 2999-01-01"), (2001, 1, "ended on 2001-01-01")]
    {
        Pair::until(year)?.write(server.folder())?;
        let out = server.command(&["doctor"], &files)?;
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert_eq!(out.status.code(), Some(code), "{said}");
        assert!(said.contains(word), "{said}");
    }
    Ok(())
}

/// A client with an open connection is told to go, finishes what it has, and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_clients_lose_nothing_when_it_stops() -> Result<()> {
    let pair = Pair::new()?;
    let folder = TempDir::new()?;
    pair.write(folder.path())?;
    let mut server = Server::with_tls(folder.path(), &[("SHUTDOWN_GRACE", "1s")]).await?;
    let (client, url) = (pair.client()?, live(&server));
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (client, url) = (client.clone(), url.clone());
        asking.spawn(async move {
            let mut answered = 0;
            loop {
                match client.get(&url).send().await {
                    Ok(answer) => {
                        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
                        answer.bytes().await.expect("the answer comes whole");
                        answered += 1;
                    }
                    // Nobody listens any more.
                    Err(error) if error.is_connect() => return answered,
                    // What hyper says of a request that it has not sent, for its connection was over by then.
                    Err(error) if ["Canceled", "ChannelClosed"].iter().any(|e| format!("{error:?}").contains(e)) => {}
                    Err(error) => panic!("a request was lost: {error:?}"),
                }
            }
        });
    }
    let began = Instant::now();
    assert_eq!(server.stop()?.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let answered: Vec<i32> = asking.join_all().await;
    assert!(answered.iter().all(|answered| *answered > 0), "{answered:?}");
    Ok(())
}
