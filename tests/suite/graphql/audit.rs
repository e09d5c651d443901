//! The audits of `graphql-http`, the reference of GraphQL over HTTP.

use std::{path::Path, process::Stdio};

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::start;

/// How many audits there are.
const AUDITS: usize = 61;

#[tokio::test]
async fn all_audits_of_graphql_http_pass() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "off")]).await?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = here.join("../target/graphql-http/node_modules");
    ensure!(modules.join("graphql-http").is_dir(), "graphql-http is missing: tests/run installs it");
    let output = Command::new("node")
        .arg(here.join("suite/graphql/audit.cjs"))
        .arg(format!("{}/api/v1/graphql", server.url()))
        .env("NODE_PATH", modules)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let audits: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(audits.len(), AUDITS);
    Ok(())
}
