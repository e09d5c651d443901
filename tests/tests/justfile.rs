//! The justfile, run by a real `just`.
//!
//! Most recipes run in a folder where `cargo` and the scripts are stubs that write down how they were called; `admin`
//! and `openapi` also run the real program, and `local.rs` runs `up`, `psql`, `reset` and `down` with real servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{PASSWORD, Server, entrepot, just};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Longer than a stub takes on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A call of a stub: its name and its arguments.
type Call = Vec<String>;

/// What is typed behind `just`, and the calls that it makes.
const RECIPES: &[(&[&str], &[&[&str]])] = &[
    (&["serve"], &[&["cargo", "run", "--release", "--"]]),
    (&["serve", "--port", "a b"], &[&["cargo", "run", "--release", "--", "--port", "a b"]]),
    (
        &["admin", "a@example.com", "Ada \"X\" $HOME"],
        &[&[
            "cargo",
            "run",
            "--release",
            "--",
            "admin",
            "create",
            "--email",
            "a@example.com",
            "--name",
            "Ada \"X\" $HOME",
        ]],
    ),
    (&["import", "my $file.csv"], &[&["cargo", "run", "--release", "--", "import", "products", "my $file.csv"]]),
    (
        &["import", "my.csv", "--dry-run"],
        &[&["cargo", "run", "--release", "--", "import", "products", "my.csv", "--dry-run"]],
    ),
    (&["up"], &[&["deploy/local", "up"]]),
    (&["down"], &[&["deploy/local", "down"]]),
    (&["psql"], &[&["deploy/local", "psql"]]),
    (&["psql", "-c", r"\dt"], &[&["deploy/local", "psql", "-c", r"\dt"]]),
    (&["psql", "-c", "SELECT '$1', \"a\"; `id`"], &[&["deploy/local", "psql", "-c", "SELECT '$1', \"a\"; `id`"]]),
    (&["reset"], &[&["deploy/local", "reset"]]),
    (&["migrate", "--check"], &[&["cargo", "run", "--release", "--", "migrate", "--check"]]),
    (&["openapi"], &[&["cargo", "run", "--release", "--quiet", "--", "openapi"]]),
    (&["fmt"], &[&["cargo", "fmt", "--all"]]),
    (&["lint"], &[&["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]]),
    (&["test"], &[&["cargo", "test", "--workspace"]]),
    (&["test", "domain"], &[&["cargo", "test", "--package", "entrepot-domain"]]),
    (&["test", "domain", "money $x"], &[&["cargo", "test", "--package", "entrepot-domain", "money $x"]]),
    (
        &["check"],
        &[
            &["cargo", "fmt", "--all", "--check"],
            &["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            &[
                "cargo",
                "test",
                "--lib",
                "--bins",
                "--package",
                "entrepot-domain",
                "--package",
                "entrepot-application",
                "--package",
                "entrepot-cached",
                "--package",
                "entrepot-http",
            ],
            &["cargo", "test", "--package", "entrepot-server", "--test", "arrows"],
        ],
    ),
    (&["doc", "--open"], &[&["cargo", "doc", "--workspace", "--no-deps", "--open"]]),
    (&["dist"], &[&["cargo", "build", "--profile", "dist", "--locked"]]),
    (
        &["bench", "servers", "my peers"],
        &[&[
            "cargo",
            "run",
            "--profile",
            "dist",
            "--package",
            "entrepot-tests",
            "--bin",
            "bench",
            "--",
            "servers",
            "my peers",
        ]],
    ),
    (&["conformance", "--seed", "7"], &[&["tests/conformance/run", "--seed", "7"]]),
    (&["audit"], &[&["cargo", "deny", "--locked", "check"], &["cargo", "machete"]]),
    (&["sbom"], &[&["deploy/sbom"]]),
    (&["ci"], &[&["tests/run"]]),
];

/// Recipes with a test of their own below.
const OTHERS: [&str; 2] = ["default", "dev"];

/// A folder with the justfile and stubs of what its recipes run.
struct Folder(TempDir);

/// Writes down its name, as the recipes give it, and its arguments; then does what else is wanted.
fn stub(path: &Path, name: &str, more: &str) -> Result<()> {
    let file = path.join(name);
    fs::create_dir_all(file.parent().context("no folder")?)?;
    let calls = path.join("calls");
    let name = name.trim_start_matches("bin/");
    let record = format!("printf '%s\\037' {name} \"$@\" >>'{0}'\nprintf '\\n' >>'{0}'", calls.display());
    fs::write(&file, format!("#!/usr/bin/env bash\n{record}\n{more}\n"))?;
    Ok(fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?)
}

impl Folder {
    /// With a `cargo` that does this once it has written down its call.
    fn new(cargo: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let path = folder.path();
        fs::write(path.join("calls"), "")?;
        stub(path, "bin/cargo", cargo)?;
        for name in ["deploy/local", "deploy/sbom", "tests/run", "tests/conformance/run"] {
            stub(path, name, "")?;
        }
        fs::create_dir(path.join(".ci"))?;
        for name in ["justfile", "deploy/dev", ".ci/run"] {
            fs::copy(Path::new(ROOT).join(name), path.join(name))?;
        }
        for name in ["crates", "migrations"] {
            fs::create_dir(path.join(name))?;
        }
        for name in ["Cargo.toml", "Cargo.lock", "crates/lib.rs"] {
            fs::write(path.join(name), "")?;
        }
        Ok(Self(folder))
    }

    /// `just` in this folder, with the stubs before all other programs in the path.
    fn just(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(just()?);
        let path = env::var("PATH")?;
        let path = format!("{}:{path}", self.0.path().join("bin").display());
        command.args(arguments).current_dir(&self.0).env("PATH", path);
        Ok(command)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let out = self.just(arguments)?.output()?;
        ensure!(out.status.success(), "just {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(out)
    }

    /// The calls of the stubs until now.
    fn calls(&self) -> Result<Vec<Call>> {
        let text = fs::read_to_string(self.0.path().join("calls"))?;
        Ok(text.lines().map(|line| line.trim_end_matches('\x1f').split('\x1f').map(str::to_owned).collect()).collect())
    }
}

/// The recipes by name, as `just` understands the file.
fn recipes() -> Result<serde_json::Map<String, Value>> {
    let out = Command::new(just()?).args(["--dump", "--dump-format", "json"]).current_dir(ROOT).output()?;
    let mut dump: Value = serde_json::from_slice(&out.stdout)?;
    Ok(serde_json::from_value(dump["recipes"].take())?)
}

#[test]
fn every_recipe_passes_its_arguments_to_stubs_as_typed() -> Result<()> {
    for (typed, expected) in RECIPES {
        let folder = Folder::new("")?;
        folder.run(typed)?;
        assert_eq!(folder.calls()?, *expected, "just {typed:?}");
    }
    Ok(())
}

#[test]
fn every_recipe_has_a_test_and_a_line_of_documentation() -> Result<()> {
    let recipes = recipes()?;
    let tested: BTreeSet<_> = RECIPES.iter().map(|(typed, _)| typed[0]).chain(OTHERS).collect();
    assert_eq!(recipes.keys().map(String::as_str).collect::<BTreeSet<_>>(), tested);
    for (name, recipe) in recipes {
        assert!(recipe["doc"].as_str().is_some_and(|doc| !doc.is_empty()), "{name} has no documentation");
    }
    Ok(())
}

#[test]
fn failed_command_fails_its_recipe() -> Result<()> {
    let folder = Folder::new("exit 3")?;
    for recipe in ["serve", "check", "test", "audit"] {
        assert!(!folder.just(&[recipe])?.output()?.status.success(), "{recipe}");
    }
    assert_eq!(folder.calls()?.len(), 4, "what follows is not run");
    Ok(())
}

#[test]
fn recipes_are_listed_where_just_is_not_in_the_path() -> Result<()> {
    let folder = TempDir::new()?;
    // A name that must be quoted.
    let hidden = folder.path().join("the just");
    fs::copy(just()?, &hidden)?;
    let out = Command::new(&hidden).current_dir(ROOT).env("PATH", "/usr/bin:/bin").output()?;
    let listed = String::from_utf8(out.stdout)?;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    for name in recipes()?.keys() {
        assert!(listed.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {listed}");
    }
    Ok(())
}

/// Runs the program with what stands behind `--`, as `cargo run` does.
const CARGO_RUN: &str = r#"while [ "$1" != -- ]; do shift; done; shift; exec "$ENTREPOT_BIN" "$@""#;

#[tokio::test]
async fn admin_with_quotes_in_the_name_logs_in() -> Result<()> {
    let server = Server::start(&[]).await?;
    let folder = Folder::new(CARGO_RUN)?;
    let name = r#"Ada "X" $HOME 'y'"#;
    let mut command = folder.just(&["admin", "ada@example.com", name])?;
    command.env("ENTREPOT_BIN", entrepot()?).env("ADMIN_PASSWORD", PASSWORD).env("DATA_DIR", server.folder());
    let out = command.output()?;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let ada = server.anonymous().login("ada@example.com", PASSWORD).await?;
    assert_eq!(ada.get("/users/me").await?.expect(200).data()["name"], name);
    Ok(())
}

#[test]
fn openapi_prints_the_document_and_nothing_else() -> Result<()> {
    let folder = Folder::new(CARGO_RUN)?;
    let out = folder.just(&["openapi"])?.env("ENTREPOT_BIN", entrepot()?).output()?;
    let document: Value = serde_json::from_slice(&out.stdout)?;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    Ok(())
}

/// A `cargo` whose build ends with the status in the file `status`, and whose server runs until it is ended.
const CARGO_DEV: &str =
    r#"case $1 in build) exit "$(cat status 2>/dev/null || echo 0)" ;; run) echo $$ >pid; exec sleep 600 ;; esac"#;

/// `just dev` with stubs; ended when dropped.
struct Dev {
    folder: Folder,
    just: Child,
}

impl Dev {
    fn start() -> Result<Self> {
        let folder = Folder::new(CARGO_DEV)?;
        let just = folder.just(&["dev", "--port", "1"])?.spawn()?;
        Ok(Self { folder, just })
    }

    async fn calls(&self, count: usize) -> Result<Vec<Call>> {
        eventually("the next call", || Ok(self.folder.calls()?.len() >= count)).await?;
        self.folder.calls()
    }

    /// The server's process, once it is another than this.
    async fn server(&self, before: &str) -> Result<String> {
        let file = self.folder.0.path().join("pid");
        let read = || fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
        eventually("the next server", || Ok(!read().is_empty() && read() != before)).await?;
        Ok(read())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.folder.0.path().join(name), text)?)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        Command::new("kill").arg(self.just.id().to_string()).status().ok();
        self.just.wait().ok();
    }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        ensure!(begun.elapsed() < PATIENCE, "{what} takes too long");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn runs(pid: &str) -> bool {
    Command::new("kill")
        .args(["-0", pid])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|ended| ended.success())
}

#[tokio::test]
async fn dev_restarts_a_stub_server_on_change_and_keeps_it_while_a_build_fails() -> Result<()> {
    let mut dev = Dev::start()?;
    let first = dev.server("").await?;
    assert_eq!(dev.calls(2).await?, [&["cargo", "build"][..], &["cargo", "run", "--quiet", "--", "--port", "1"]]);

    dev.write("status", "1")?;
    dev.write("crates/lib.rs", "a mistake")?;
    assert_eq!(dev.calls(3).await?[2], ["cargo", "build"]);
    assert!(runs(&first), "a build that fails ends nothing");

    dev.write("status", "0")?;
    dev.write(".env", "RATE_LIMIT=off")?;
    let second = dev.server(&first).await?;
    assert_eq!(dev.calls(5).await?.len(), 5);
    assert!(!runs(&first), "two servers cannot have one port");

    Command::new("kill").arg(dev.just.id().to_string()).status()?;
    dev.just.wait()?;
    eventually("the server's end", || Ok(!runs(&second))).await
}
