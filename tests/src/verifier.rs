//! The official verifier of Standard Webhooks, as receivers use it.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::Received;

/// Reads a secret, headers and a body as JSON, and fails if they do not fit.
const SCRIPT: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
given = json.load(sys.stdin)
Webhook(given['secret']).verify(given['body'], given['headers'])
";

/// Verifies a delivery with the secret of its endpoint.
///
/// # Errors
/// If the verifier refuses it, or is not installed.
pub fn verify(secret: &str, delivery: &Received) -> Result<()> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/standardwebhooks/bin/python");
    ensure!(python.is_file(), "standardwebhooks is missing: tests/run installs it");
    let headers = json!({
        "webhook-id": delivery.id,
        "webhook-timestamp": delivery.timestamp.to_string(),
        "webhook-signature": delivery.signatures,
    });
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("python does not start")?;
    let given = json!({"secret": secret, "headers": headers, "body": delivery.body});
    // Dropped at the end of the statement, which ends the input.
    child.stdin.take().context("no input")?.write_all(given.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
