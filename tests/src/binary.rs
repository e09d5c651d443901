//! Where the programs are.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
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
    command.args(["--profile", &profile(&env::current_exe()?)?]);
    let out = command.current_dir(env!("CARGO_MANIFEST_DIR")).stderr(Stdio::inherit()).output()?;
    ensure!(out.status.success(), "entrepot does not build");
    String::from_utf8(out.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "entrepot")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo told of no executable")
}

/// The profile of a program or test that cargo built: the name of its folder, but for `dev`.
fn profile(program: &Path) -> Result<String> {
    let folders = program.ancestors().skip(1).filter_map(Path::file_name);
    let mut folders = folders.skip_while(|name| *name == "deps" || *name == "examples");
    let folder = folders.next().and_then(OsStr::to_str).context("a program outside of cargo's folders")?;
    Ok(if folder == "debug" { "dev" } else { folder }.to_owned())
}

/// `just`, which runs the justfile: the one in the path, else the one that `tests/run` installs.
pub fn just() -> Result<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/just/bin/just");
    let paths = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&paths).map(|folder| folder.join("just")).chain([installed]);
    candidates.into_iter().find(|program| program.is_file()).context("just is missing: tests/run installs it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_is_the_one_that_cargo_built_with() -> Result<()> {
        for (program, expected) in [
            ("/x/target/debug/deps/cli-0a1b", "dev"),
            ("/x/target/debug/bench", "dev"),
            ("/x/target/x86_64-unknown-linux-musl/dist/bench", "dist"),
            ("/x/target/release/deps/cli-0a1b", "release"),
        ] {
            assert_eq!(profile(Path::new(program))?, expected, "{program}");
        }
        Ok(())
    }
}
