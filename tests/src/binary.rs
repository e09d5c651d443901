//! Where the program is.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

/// The program to test: `ENTREPOT_BIN` where it is set, else what cargo builds, once for each process.
pub fn entrepot() -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| match env::var_os("ENTREPOT_BIN") {
        Some(path) => Ok(path.into()),
        None => build().map_err(|error| format!("{error:#}")),
    });
    built.clone().map_err(|error| anyhow!(error))
}

fn build() -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "entrepot-server", "--bin", "entrepot", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let out = command.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output()?;
    ensure!(out.status.success(), "entrepot does not build");
    String::from_utf8(out.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "entrepot")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo told of no executable")
}
