//! `deploy/local`, by which `just up`, `psql`, `reset` and `down` bring a developer the servers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    fs::Permissions,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

use anyhow::{Context, Result};
use entrepot_tests::{Server, just};
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/local");

/// Servers in a folder of their own; stopped when dropped.
struct Local {
    folder: TempDir,
    ports: [u16; 2],
}

impl Local {
    fn new() -> Result<Self> {
        // Where root may not be, PostgreSQL must get in.
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir_in("/tmp")?;
        let free = [0; 2].map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        Ok(Self { folder, ports: free.map(|listener| listener.local_addr().unwrap().port()) })
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.start(Command::new(SCRIPT), arguments)
    }

    /// The recipe of the justfile that runs the script.
    fn just(&self, arguments: &[&str]) -> Result<String> {
        let mut just = Command::new(just()?);
        just.current_dir(env!("CARGO_MANIFEST_DIR"));
        let out = self.start(just, arguments)?;
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8(out.stdout)?)
    }

    fn start(&self, mut command: Command, arguments: &[&str]) -> Result<Output> {
        command.args(arguments).env("ENTREPOT_LOCAL_DIR", self.folder.path());
        command.env("ENTREPOT_PG_PORT", self.ports[0].to_string());
        command.env("ENTREPOT_REDIS_PORT", self.ports[1].to_string());
        Ok(command.output()?)
    }

    /// What a command that must succeed prints.
    fn does(&self, arguments: &[&str]) -> Result<String> {
        let out = self.run(arguments)?;
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        Ok(String::from_utf8(out.stdout)?)
    }

    fn listens(&self) -> [bool; 2] {
        self.ports.map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.run(&["down"]).ok();
    }
}

#[tokio::test]
async fn local_servers_start_reset_and_stop() -> Result<()> {
    let local = Local::new()?;
    let said = local.does(&["up"])?;
    assert_eq!(local.does(&["up"])?, said, "once more makes no difference");
    let url = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("export {name}='")));
        line.and_then(|line| line.strip_suffix('\'')).with_context(|| format!("no {name}: {said}"))
    };
    let status = local.does(&["status"])?;
    assert!(local.ports.iter().all(|port| status.contains(&format!("runs on port {port}"))), "{status}");

    let mut server = Server::start(&[("DATABASE_URL", url("DATABASE_URL")?), ("REDIS_URL", url("REDIS_URL")?)]).await?;
    server.admin().await?.product("MUG", 295, 5).await?;
    let ready = server.anonymous().get("//health/ready").await?.expect(200);
    assert_eq!(ready.body.to_string().matches(r#""status":"up""#).count(), 2, "{}", ready.body);
    assert!(server.stop()?.success());

    let ask = |question| local.does(&["psql", "-Atqc", question]);
    assert_eq!(ask("SELECT sku FROM products")?, "MUG\n");
    let tables = local.just(&["psql", "-c", r"\dt"])?;
    assert!(tables.contains("products"), "{tables}");
    assert_eq!(local.just(&["psql", "-Atqc", "SELECT 'a \"b\" $HOME'"])?, "a \"b\" $HOME\n");
    local.does(&["down"])?;
    assert_eq!(local.listens(), [false; 2]);
    let down = local.run(&["status"])?;
    assert_eq!((down.status.code(), String::from_utf8(down.stdout)?.matches("does not run").count()), (Some(1), 2));

    // The data is kept until `reset`.
    assert_eq!(local.does(&["up"])?, said);
    assert_eq!(ask("SELECT sku FROM products")?, "MUG\n");
    local.does(&["reset"])?;
    assert_eq!(ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")?, "0\n");
    Ok(())
}
