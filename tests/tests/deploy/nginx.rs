//! nginx with the configuration that we recommend, on other ports and with a certificate of its own.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use entrepot_tests::{
    Pair, Server,
    feed::{Sse, Ws},
};
use reqwest::Version;
use tempfile::TempDir;

use crate::tools::{installed, root, text};

const PATIENCE: Duration = Duration::from_secs(20);

/// Killed when dropped.
struct Nginx {
    process: Child,
    folder: TempDir,
    pair: Pair,
    /// Where it listens: with TLS, without, and where it only sends clients to TLS.
    ports: [u16; 3],
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The workers end with the master, which a kill would not let tell them.
        Command::new("kill").arg(self.process.id().to_string()).status().ok();
        self.process.wait().ok();
    }
}

impl Nginx {
    async fn before(server: &Server) -> Result<Self> {
        let (folder, pair) = (TempDir::new()?, Pair::new()?);
        fs::create_dir(folder.path().join("tls"))?;
        fs::write(folder.path().join("tls/entrepot.crt"), &pair.certificate)?;
        fs::write(folder.path().join("tls/entrepot.key"), &pair.key)?;
        let listeners = [0; 3].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
        let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
        let [tls, plain, redirect] = ports;
        let mut config = fs::read_to_string(root().join("deploy/nginx.conf"))?;
        let mut replace = |from: &str, to: &str| {
            assert!(config.contains(from), "{from}");
            config = config.replace(from, to);
        };
        // It is tried as any user, who has no other folder for what it keeps meanwhile, and whose groups nginx keeps.
        let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let kept = kept.map(|what| format!("    {what}_temp_path kept;\n")).concat();
        replace("http {\n", &format!("user root root;\nerror_log stderr;\nhttp {{\n{kept}"));
        // Without TLS too, for the clients of the tests.
        replace("listen 443 ", &format!("listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} "));
        replace("listen 80 ", &format!("listen 127.0.0.1:{redirect} "));
        replace("server 127.0.0.1:3001 ", &format!("server {} ", server.address()));
        replace("server 127.0.0.1:3002 ", &format!("server {} ", server.address()));
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config)?;
        let nginx = || -> Result<Command> {
            let mut nginx = Command::new(installed("nginx")?);
            nginx.arg("-p").arg(folder.path()).arg("-c").arg(&file);
            Ok(nginx)
        };
        let checked = nginx()?.arg("-t").output()?;
        ensure!(checked.status.success(), "{}", text(&checked));
        let process = nginx()?.args(["-g", "daemon off;"]).stderr(Stdio::inherit()).spawn()?;
        let mut nginx = Self { process, folder, pair, ports };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", nginx.ports[0])).await.is_err() {
            ensure!(nginx.process.try_wait()?.is_none(), "nginx has ended");
            ensure!(began.elapsed() < PATIENCE, "nginx does not listen in {}", nginx.folder.path().display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(nginx)
    }
}

#[tokio::test]
async fn nginx_passes_on_orders_and_feeds() -> Result<()> {
    let server = Server::start(&[("TRUSTED_PROXIES", "127.0.0.1")]).await?;
    let staff = server.staff().await?;
    let nginx = Nginx::before(&server).await?;
    let [tls, plain, redirect] = nginx.ports;
    let staff = staff.at(&format!("http://127.0.0.1:{plain}"));
    let mug = staff.product("MUG", 295, 10).await?;
    // An event is passed on at once: no block of an answer is full yet.
    let (mut sse, mut ws) = (Sse::open(&staff, "", None).await?, Ws::open(&staff, "").await?);
    let order = staff.order(&mug, 1).await?.expect(201).id();
    for event in [sse.event().await?, ws.next().await?] {
        assert_eq!((&event["type"], &event["data"]["orderId"]), (&"order.created".into(), &order.clone().into()));
    }

    let client = nginx.pair.client()?;
    let answer = client.get(format!("https://127.0.0.1:{tls}/health/live")).send().await?;
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    let metrics = client.get(format!("https://127.0.0.1:{tls}/metrics")).send().await?;
    assert_eq!(metrics.status(), 404);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let moved = client.get(format!("http://127.0.0.1:{redirect}/docs?a=b")).send().await?;
    assert_eq!((moved.status().as_u16(), &moved.headers()["location"]), (308, &"https://127.0.0.1/docs?a=b".parse()?));
    Ok(())
}
