//! A real Prometheus scrapes a shop that sells, and has something for each panel of the dashboard and each alert.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, Server, stores};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::{installed, root, yaml_file};

const PATIENCE: Duration = Duration::from_mins(1);

/// Killed when dropped.
struct Prometheus {
    process: Child,
    url: String,
    _folder: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Prometheus {
    /// With our configuration, but for other targets, shorter intervals, and the alerts where they are.
    fn of(servers: &[&Server]) -> Result<Self> {
        let folder = TempDir::new()?;
        let mut config = yaml_file("deploy/prometheus.yml")?;
        config["global"] = json!({"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1s"});
        config["rule_files"] = json!([root().join("deploy/alerts.yml")]);
        let targets: Vec<_> = servers.iter().map(|server| server.address().to_string()).collect();
        config["scrape_configs"][0]["static_configs"][0]["targets"] = json!(targets);
        // JSON is YAML too.
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config.to_string())?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(installed("prometheus")?)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { process, url: format!("http://{address}/api/v1"), _folder: folder })
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value> {
        let answer = reqwest::Client::new().get(format!("{}{path}", self.url)).query(query).send().await?;
        let body: Value = answer.json().await?;
        ensure!(body["status"] == "success", "{query:?}: {body}");
        Ok(body["data"].clone())
    }

    /// Whether a query has a value that is a number.
    async fn has(&self, query: &str) -> Result<bool> {
        let data = self.get("/query", &[("query", query)]).await?;
        let series = data["result"].as_array().with_context(|| format!("{query}: {data}"))?;
        let value = |series: &Value| series["value"][1].as_str()?.parse::<f64>().ok();
        Ok(series.iter().filter_map(value).any(f64::is_finite))
    }
}

/// The queries of the dashboard, with the values of its variables.
fn queries() -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(root().join("deploy/grafana.json"))?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries = targets.map(|target| target["expr"].as_str().context("no query"));
    let queries = queries.map(|query| Ok(query?.replace("$instance", ".*").replace("$__rate_interval", "30s")));
    queries.collect()
}

/// What happens in a shop, good and bad.
async fn trade(server: &Server, customer: &Client, product: &str) -> Result<()> {
    customer.order(product, 1).await?.expect(201);
    customer.order(product, 1_000_000).await?.error(409, "insufficient_stock");
    customer.stock(product).await?;
    customer.get("/orders").await?.expect(200);
    server.anonymous().login(customer.email(), customer.password()).await?;
    let wrong = json!({"email": "nobody@example.com", "password": "not the password of anybody"});
    server.anonymous().post("/auth/login", wrong).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_of_the_dashboard_has_data() -> Result<()> {
    let settings = [
        ("RATE_LIMIT", "on"),
        ("RATE_LIMIT_MAX", "100000"),
        ("RATE_LIMIT_USER_MAX", "100000"),
        ("SHUTDOWN_GRACE", "5m"),
        ("SHUTDOWN_TIMEOUT", "6m"),
    ];
    let shops = [Server::start(&settings).await?, stores::start(1, &settings).await?];
    let prometheus = Prometheus::of(&[&shops[0], &shops[1]])?;
    let mut traders = Vec::new();
    for shop in &shops {
        let product = shop.staff().await?.product("MUG", 295, 10_000).await?;
        traders.push((shop, shop.customer("ada@example.com").await?, product));
    }
    // It says of itself that it is about to stop, which is a fault to whoever asks, and goes on serving.
    shops[0].terminate()?;
    let mut missing = queries()?;
    ensure!(missing.len() > 30, "{missing:?}");
    let began = Instant::now();
    while !missing.is_empty() {
        ensure!(began.elapsed() < PATIENCE, "nothing is shown of {missing:#?}");
        for (shop, customer, product) in &traders {
            trade(shop, customer, product).await?;
        }
        shops[0].anonymous().get("//health/ready").await?.error(503, "unavailable");
        let mut still = Vec::new();
        for query in missing {
            // Prometheus may not listen yet.
            if !prometheus.has(&query).await.unwrap_or(false) {
                still.push(query);
            }
        }
        missing = still;
    }
    let rules = prometheus.get("/rules", &[]).await?;
    let rules = rules["groups"][0]["rules"].as_array().context("no rules")?;
    let bad: Vec<_> = rules.iter().filter(|rule| rule["health"] == "err").collect();
    assert!(rules.len() > 8 && bad.is_empty(), "{bad:#?}");
    // The instances are up, and the alert that they are not looks at these.
    assert!(prometheus.has(r#"count(up{job="entrepot"} == 1) == 2"#).await?);
    Ok(())
}
