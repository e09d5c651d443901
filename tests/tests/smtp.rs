//! Mails through a real SMTP server, aiosmtpd, with and without TLS; and one that hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, PASSWORD, Pair, Server, mail::Mail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// An SMTP server, which ends when it is dropped.
struct Smtp {
    child: Child,
    port: u16,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Smtp {
    fn start(arguments: &[&str]) -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = here.join("../target/aiosmtpd/bin/python");
        ensure!(python.is_file(), "aiosmtpd is missing: tests/run installs it");
        let mut command = Command::new(python);
        command.arg(here.join("smtp/server.py")).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let first: Value = serde_json::from_str(&lines.next().context("it did not start")??)?;
        let port = first["port"].as_u64().context("no port")?.try_into()?;
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("an event");
                told.lock().unwrap_or_else(PoisonError::into_inner).push(event);
            }
        });
        Ok(Self { child, port, events })
    }

    /// One that offers TLS with this certificate.
    fn with_tls(folder: &Path, arguments: &[&str]) -> Result<Self> {
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name).display().to_string());
        Self::start(&[&["--certificate", &certificate, "--key", &key], arguments].concat())
    }

    fn events(&self, kind: &str) -> Vec<Value> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        events.retain(|event| event["event"] == kind);
        events
    }

    /// Waits until it has told of so many events of a kind.
    async fn told(&self, kind: &str, count: usize) -> Result<Vec<Value>> {
        let begun = Instant::now();
        loop {
            let events = self.events(kind);
            if events.len() >= count {
                return Ok(events);
            }
            ensure!(begun.elapsed() < PATIENCE, "{} of {count} events {kind}", events.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A folder with a certificate, and the path of that.
fn certificate() -> Result<(TempDir, PathBuf)> {
    let folder = TempDir::new()?;
    Pair::new()?.write(folder.path())?;
    let path = folder.path().join("cert.pem");
    Ok((folder, path))
}

async fn sign_up(server: &Server, email: &str) -> Result<()> {
    let user = json!({"name": "Zoë", "email": email, "password": PASSWORD});
    server.anonymous().post("/users", user).await?.expect(201);
    Ok(())
}

fn mail_of(event: &Value) -> Result<Mail> {
    Mail::parse(event["content"].as_str().context("no content")?.as_bytes())
}

/// Waits until a job that sends mails is in this status, and returns it.
async fn job(admin: &Client, filter: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let jobs = admin.get(&format!("/admin/jobs?kind=mail.send&limit=100{filter}")).await?.expect(200);
        if let Some(job) = jobs.list().iter().find(|job| wanted(job)) {
            return Ok(job.clone());
        }
        ensure!(begun.elapsed() < PATIENCE, "{}", jobs.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn mail_is_sent_without_tls_where_none_is_offered() -> Result<()> {
    let smtp = Smtp::start(&[])?;
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let server = Server::start(&[("SMTP_URL", &url), ("MAIL_FROM", "Shop <shop@shop.example>")]).await?;
    sign_up(&server, "ada@example.com").await?;
    let events = smtp.told("mail", 1).await?;
    assert_eq!((&events[0]["tls"], &events[0]["user"]), (&json!(false), &Value::Null));
    assert_eq!(events[0]["sender"], "shop@shop.example");
    assert_eq!(events[0]["to"], json!(["ada@example.com"]));
    let mail = mail_of(&events[0])?;
    assert_eq!((mail.kind.as_str(), mail.to.as_str()), ("email_verification", "ada@example.com"));
    let token = json!({"token": mail.token()});
    server.anonymous().post("/auth/email/verify", token).await?.expect(204);
    assert!(!server.folder().join("outbox").exists());
    let doctor = server.command(&["doctor"], &[])?;
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(told.contains("ok     mail: the SMTP server takes mails"), "{told}");
    Ok(())
}

#[tokio::test]
async fn mail_is_sent_over_starttls_where_it_is_offered() -> Result<()> {
    let (folder, trusted) = certificate()?;
    let smtp = Smtp::with_tls(folder.path(), &["--user", "shop", "--password", "only over TLS"])?;
    let url = format!("smtp://shop:only%20over%20TLS@localhost:{}", smtp.port);
    let trusted = trusted.display().to_string();
    let server = Server::start(&[("SMTP_URL", &url), ("SSL_CERT_FILE", &trusted)]).await?;
    sign_up(&server, "ada@example.com").await?;
    let events = smtp.told("mail", 1).await?;
    assert_eq!((&events[0]["tls"], &events[0]["user"]), (&json!(true), &json!("shop")));
    Ok(())
}

#[tokio::test]
async fn mail_is_sent_over_tls_from_the_start() -> Result<()> {
    let (folder, trusted) = certificate()?;
    let smtp = Smtp::with_tls(folder.path(), &["--implicit"])?;
    let url = format!("smtps://localhost:{}", smtp.port);
    let trusted = trusted.display().to_string();
    let server = Server::start(&[("SMTP_URL", &url), ("SSL_CERT_FILE", &trusted)]).await?;
    sign_up(&server, "ada@example.com").await?;
    assert_eq!(mail_of(&smtp.told("mail", 1).await?[0])?.kind, "email_verification");
    Ok(())
}

#[tokio::test]
async fn password_and_mail_stay_here_without_a_trusted_certificate() -> Result<()> {
    let (folder, _) = certificate()?;
    let credentials = ["--user", "shop", "--password", "only over TLS"];
    let plain = Smtp::start(&credentials)?;
    let untrusted = Smtp::with_tls(folder.path(), &credentials)?;
    for smtp in [plain, untrusted] {
        let url = format!("smtp://shop:only%20over%20TLS@localhost:{}", smtp.port);
        let server = Server::start(&[("SMTP_URL", &url)]).await?;
        let admin = server.admin().await?;
        sign_up(&server, "ada@example.com").await?;
        job(&admin, "", |job| !job["lastError"].is_null()).await?;
        assert!(smtp.events("login").is_empty() && smtp.events("mail").is_empty());
        let doctor = server.command(&["doctor"], &[])?;
        let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(told.contains("wrong  mail: "), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn refused_mail_is_dead_and_a_greylisted_one_is_tried_again() -> Result<()> {
    let smtp = Smtp::start(&[])?;
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let server = Server::start(&[("SMTP_URL", &url)]).await?;
    let admin = server.admin().await?;
    sign_up(&server, "refused@example.com").await?;
    let dead = job(&admin, "&status=dead", |_| true).await?;
    assert_eq!((&dead["lastError"], &dead["attempt"]), (&json!("the SMTP server answered 550"), &json!(1)));
    sign_up(&server, "later@example.com").await?;
    let waiting = job(&admin, "&status=scheduled", |_| true).await?;
    assert_eq!(waiting["lastError"], "the SMTP server answered 451");
    let events = smtp.told("mail", 1).await?;
    let id = waiting["id"].as_str().unwrap();
    assert!(mail_of(&events[0])?.header("Message-ID").contains(id), "{}", events[0]);
    Ok(())
}

/// Eight mails wait for a server that never answers the end of DATA. All other jobs go on, and so do requests.
#[tokio::test]
async fn server_that_hangs_after_data_holds_up_nothing_else() -> Result<()> {
    let mut smtp = Smtp::start(&[])?;
    let url = format!("smtp://127.0.0.1:{}", smtp.port);
    let mut server = Server::start(&[("SMTP_URL", &url), ("ORDER_PENDING_TTL", "1s")]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 10).await?;
    let ada = server.customer("ada@example.com").await?;
    smtp.told("mail", 1).await?;
    for n in 0..10 {
        sign_up(&server, &format!("hang{n}@example.com")).await?;
    }
    smtp.told("hangs", 8).await?;
    let begun = Instant::now();
    let order = ada.order(&mug, 1).await?.expect(201).id();
    while ada.get(&format!("/orders/{order}")).await?.expect(200).data()["status"] != "cancelled" {
        ensure!(begun.elapsed() < PATIENCE, "it was not cancelled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(smtp.events("hangs").len(), 8, "no more than eight at once");

    // It is given up after a while, and tried again.
    job(&admin, "&status=scheduled", |job| job["lastError"] == "the SMTP server took too long").await?;
    smtp.told("hangs", 10).await?;
    let stopping = Instant::now();
    assert!(server.stop()?.success());
    assert!(stopping.elapsed() < Duration::from_secs(35), "{:?}", stopping.elapsed());
    smtp.child.kill()?;
    Ok(())
}
