//! The programs that check files. One that is missing fails its test.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A program in the path, or among those of administrators.
pub(crate) fn installed(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").context("no PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut files = folders.map(|folder| folder.join(name));
    files.find(|file| file.is_file()).with_context(|| format!("{name} is missing: tests/install installs it"))
}

/// A program that `tests/install` installs into `target/linters`.
pub(crate) fn linter(name: &str) -> Result<PathBuf> {
    let file = root().join("target/linters/bin").join(name);
    ensure!(file.is_file(), "{name} is missing: tests/install installs it");
    Ok(file)
}

/// Runs a program in the root of the repository, and returns what it prints; fails if it does.
pub(crate) fn run(program: &Path, arguments: &[&str]) -> Result<String> {
    let out = Command::new(program).args(arguments).current_dir(root()).output()?;
    let text = text(&out);
    ensure!(out.status.success(), "{} {arguments:?}: {text}", program.display());
    Ok(text)
}

/// All that a program has printed.
pub(crate) fn text(out: &Output) -> String {
    String::from_utf8_lossy(&[out.stdout.as_slice(), &out.stderr].concat()).into_owned()
}

/// The documents of a text in YAML.
pub(crate) fn yaml(text: &str) -> Result<Vec<Value>> {
    let script = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
    let mut python = Command::new(linter("python")?)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Dropped at the end of the statement, which ends the input. A text that is wrong early is not read to its end.
    python.stdin.take().context("no input")?.write_all(text.as_bytes()).ok();
    let out = python.wait_with_output()?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_slice(&out.stdout)?)
}

/// The one document of a file of the repository.
pub(crate) fn yaml_file(name: &str) -> Result<Value> {
    let mut documents = yaml(&fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?)?;
    ensure!(documents.len() == 1, "{name} has {} documents", documents.len());
    documents.pop().context("no document")
}

/// The names of all settings, as the README lists them.
pub(crate) fn settings() -> Result<BTreeSet<String>> {
    let readme = fs::read_to_string(root().join("README.md"))?;
    let lists = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let names = lists.flat_map(|(names, _)| names.split(['`', ',', ' ']).map(str::to_owned).collect::<Vec<_>>());
    let is_setting = |name: &String| name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let names: BTreeSet<_> = names.filter(is_setting).collect();
    ensure!(names.contains("DATABASE_URL") && names.contains("RATE_LIMIT_WINDOW"), "{names:?}");
    Ok(names)
}

/// Checks that these are settings of the program, so that none is misspelt.
pub(crate) fn are_settings<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let known = settings()?;
    let unknown: Vec<_> = names.filter(|name| !known.contains(*name)).collect();
    ensure!(unknown.is_empty(), "no settings: {unknown:?}");
    Ok(())
}
