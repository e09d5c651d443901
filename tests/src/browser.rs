//! A real browser, driven over the W3C `WebDriver` protocol.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long the driver looks for an element before it gives up, in milliseconds.
const PATIENCE_MS: u64 = 15_000;

/// The name under which the protocol hands elements out (W3C `WebDriver` 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A headless Chromium with one tab; gone when dropped.
pub struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
    profile: TempDir,
}

impl Browser {
    /// Starts a driver on a free port, and a browser with an empty profile.
    pub async fn start() -> Result<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver is missing: tests/run installs it")?;
        let out = driver.stdout.take().context("no stdout")?;
        let port = BufReader::new(out)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.split("successfully on port ").nth(1).map(|port| port.trim_end_matches('.').to_owned())
            })
            .context("chromedriver did not start")?;
        let profile = TempDir::new()?;
        let mut browser =
            Self { driver, session: format!("http://127.0.0.1:{port}/session"), http: reqwest::Client::new(), profile };
        let profile = format!("--user-data-dir={}", browser.profile.path().display());
        let asked = json!({"capabilities": {"alwaysMatch": {
            "timeouts": {"implicit": PATIENCE_MS},
            "goog:chromeOptions": {"args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--window-size=1400,2400", profile,
            ]},
        }}});
        let made = browser.post("", asked).await?;
        let id = made["sessionId"].as_str().context("no session")?;
        browser.session = format!("{}/{id}", browser.session);
        Ok(browser)
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let url = format!("{}{path}", self.session);
        let answer = self.http.post(url).json(&body).send().await?;
        let mut answer: Value = answer.json().await?;
        let value = answer["value"].take();
        if let Some(error) = value["error"].as_str() {
            bail!("{path} {body}: {error}: {}", value["message"]);
        }
        Ok(value)
    }

    /// Opens a page and waits until it is loaded.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Result<String> {
        let found = self.post("/element", json!({"using": "css selector", "value": css})).await?;
        found[ELEMENT].as_str().map(str::to_owned).with_context(|| format!("no {css}"))
    }

    /// Waits for an element, brings it into view, and clicks it as a person would.
    pub async fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css).await?;
        let center = json!({
            "script": "arguments[0].scrollIntoView({block: 'center'})", "args": [{ELEMENT: element}],
        });
        self.post("/execute/sync", center).await?;
        self.post(&format!("/element/{element}/click"), json!({})).await.map(drop)
    }

    /// Replaces what stands in a field.
    pub async fn type_into(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css).await?;
        // Press Control and A, release both, then type the text.
        let keys = format!("\u{e009}a\u{e000}{text}");
        self.post(&format!("/element/{element}/value"), json!({ "text": keys })).await.map(drop)
    }

    /// The text that an element shows.
    pub async fn text(&self, css: &str) -> Result<String> {
        let element = self.find(css).await?;
        let url = format!("{}/element/{element}/text", self.session);
        let answer: Value = self.http.get(url).send().await?.json().await?;
        answer["value"].as_str().map(str::to_owned).with_context(|| format!("no text in {css}"))
    }
}

impl Browser {
    /// Closes the browser; the driver would leave it behind.
    pub async fn close(self) -> Result<()> {
        self.http.delete(&self.session).send().await?.error_for_status()?;
        Ok(())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}
