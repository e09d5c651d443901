//! The metrics for Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use entrepot_tests::Server;
use serde_json::json;

use crate::{DEPENDENCIES, start};

/// The types of the metrics by name, and the value of each series.
#[derive(Default)]
struct Exposition {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

/// Reads the text format of Prometheus (version 0.0.4) as strictly as `promtool check metrics` does.
fn read(text: &str) -> Result<Exposition> {
    let mut told = Exposition::default();
    let (mut help, mut family) = (BTreeSet::new(), String::new());
    ensure!(text.ends_with('\n'), "the last line must end");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').context("help without words")?;
            ensure!(help.insert(name.to_owned()), "two helps of {name}");
            ensure!(!words.is_empty(), "no help of {name}");
            name.clone_into(&mut family);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').context("type without a kind")?;
            ensure!(name == family, "the type of {name} has no help before it");
            ensure!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            ensure!((kind == "counter") == name.ends_with("_total"), "{name} is a {kind}");
            ensure!(told.families.insert(name.to_owned(), kind.to_owned()).is_none(), "two types of {name}");
        } else {
            sample(line, &family, &mut told)?;
        }
    }
    Ok(told)
}

fn sample(line: &str, family: &str, told: &mut Exposition) -> Result<()> {
    let (series, value) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').with_context(|| format!("labels that do not end: {line}"))?;
    let is_name = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_of_name);
    ensure!(is_name(name), "{line}");
    for label in labels.split_terminator("\",") {
        let (label, value) = label.split_once("=\"").with_context(|| format!("a bad label: {line}"))?;
        ensure!(is_name(label) && !value.trim_end_matches('"').contains(['"', '\\', '\n']), "{line}");
    }
    let kind = told.families.get(family).map(String::as_str);
    let of_family = match kind {
        Some("histogram") => ["_bucket", "_sum", "_count"].iter().any(|end| name == format!("{family}{end}")),
        _ => name == family,
    };
    ensure!(of_family, "{name} is among the samples of {family}");
    let value: f64 = value.parse().with_context(|| format!("no number: {line}"))?;
    ensure!(value.is_finite() && value >= 0.0, "{line}");
    ensure!(told.series.insert(series.to_owned(), value).is_none(), "{series} is there twice");
    Ok(())
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

async fn exposed(server: &Server) -> Result<String> {
    let mut text = String::new();
    for instance in server.urls() {
        let told = server.anonymous().at(&instance).get("//metrics").await?;
        let told = told.body.as_str().context("no text")?;
        read(told)?;
        text += told;
    }
    Ok(text)
}

/// Makes requests that change every metric.
async fn busy(server: &Server) -> Result<()> {
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 1).await?;
    admin.order(&mug, 1).await?.expect(201);
    admin.order(&mug, 1).await?.error(409, "insufficient_stock");
    let wrong = json!({"email": admin.email(), "password": "not the one"});
    admin.post("/auth/login", wrong).await?.error(401, "invalid_credentials");
    for _ in 0..4 {
        admin.get(&format!("/products/{mug}")).await?.expect(200);
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_in_the_format_of_prometheus() -> Result<()> {
    let server = start(&[]).await?;
    exposed(&server).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.get("/users/me?x={\"a\"}").await?.expect(200);
    ada.get("/orders/%22%5C%0A").await?;
    let text = exposed(&server).await?;
    for secret in ["ada@", ada.id(), "%22"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn every_component_has_metrics() -> Result<()> {
    let server = start(&[]).await?;
    busy(&server).await?;
    let text = exposed(&server).await?;
    let sum = |series: &str| -> f64 {
        let of = text.lines().filter_map(|line| line.strip_prefix(series));
        of.filter_map(|rest| rest.trim_start_matches(|c| c != ' ').trim().parse::<f64>().ok()).sum()
    };
    assert!(sum("process_resident_memory_bytes") > 1e6 && sum("process_cpu_seconds_total") > 0.0, "{text}");
    assert!(sum("password_hashes_total") >= 2.0 && sum("cache_hits_total{of=\"product\"}") >= 1.0, "{text}");
    assert!(sum("logins_total") >= 1.0 && sum("logins_failed_total{code=\"invalid_credentials\"}") >= 1.0, "{text}");
    let in_pool = |state| sum(&format!("postgres_pool_connections{{state=\"{state}\",pool=\"orders\"}}"));
    if DEPENDENCIES.contains(&"redis") {
        assert!(sum("redis_up") >= 1.0 && sum("postgres_pool_lent_total{pool=\"orders\"}") >= 2.0, "{text}");
        assert!(in_pool("idle") + in_pool("used") >= 1.0, "{text}");
    } else {
        let (writes, transactions) = (sum("sqlite_writes_total"), sum("sqlite_transactions_total"));
        assert!(transactions >= 1.0 && writes >= transactions, "{text}");
    }
    Ok(())
}

/// The name of every metric in a text: each word that begins with one of our prefixes.
fn asked(text: &str) -> BTreeSet<String> {
    let known = [
        "build_info",
        "cache_",
        "http_",
        "logins_",
        "orders_",
        "password_",
        "postgres_",
        "process_",
        "rate_",
        "redis_",
        "sqlite_",
    ];
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| known.iter().any(|start| word.starts_with(start))).map(str::to_owned).collect()
}

#[tokio::test]
async fn dashboard_and_alerts_use_existing_metrics() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "10000"), ("RATE_LIMIT_USER_MAX", "10000")]).await?;
    busy(&server).await?;
    let text = exposed(&server).await?;
    let there: BTreeSet<_> = text.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    // Metrics of the stores and caches of other configurations.
    let elsewhere: &[&str] = if DEPENDENCIES.contains(&"redis") { &["sqlite_"] } else { &["postgres_", "redis_"] };
    for file in [include_str!("../../deploy/grafana.json"), include_str!("../../deploy/alerts.yml")] {
        let asked = asked(file);
        assert!(asked.len() > 5, "{asked:?}");
        for name in asked {
            assert!(there.contains(&*name) || elsewhere.iter().any(|start| name.starts_with(start)), "{name}: {text}");
        }
    }
    Ok(())
}
