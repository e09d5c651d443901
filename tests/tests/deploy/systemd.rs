//! The units of systemd.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Client, entrepot};
use tempfile::TempDir;

use crate::tools::{are_settings, installed, root, run};

const SERVICES: [&str; 2] = ["entrepot.service", "entrepot-worker@.service"];

/// The lines of a unit that set something.
fn lines(unit: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(root().join("deploy/systemd").join(unit))?;
    Ok(text.lines().filter(|line| line.contains('=') && !line.starts_with('#')).map(str::to_owned).collect())
}

#[test]
fn services_are_exposed_as_little_as_promised() -> Result<()> {
    let systemd = installed("systemd-analyze")?;
    for service in SERVICES {
        let unit = format!("deploy/systemd/{service}");
        // Fails above the threshold, which is ten times the figure.
        run(&systemd, &["security", "--offline=yes", "--threshold=15", "--no-pager", &unit])?;
        let folder = TempDir::new()?;
        let copy = folder.path().join(service);
        // Where the program is that was built: the check wants one.
        let text = fs::read_to_string(root().join(&unit))?;
        let program = entrepot()?;
        fs::write(&copy, text.replace("/usr/local/bin/entrepot", program.to_str().context("no path")?))?;
        let told = run(&systemd, &["verify", "--man=no", copy.to_str().context("no path")?])?;
        assert_eq!(told.lines().find(|line| line.contains(service)), None, "{told}");
    }
    Ok(())
}

#[test]
fn worker_is_hardened_like_the_service_and_settings_are_known() -> Result<()> {
    let [service, worker] = SERVICES.map(lines);
    let (service, worker) = (service?, worker?);
    let own = ["Description", "After", "ExecStart", "Environment", "User", "StateDirectory"];
    let shared = |lines: &[String]| -> Vec<String> {
        let is_own = |line: &&String| own.iter().any(|name| line.split('=').next() == Some(name));
        lines.iter().filter(|line| !is_own(line)).cloned().collect()
    };
    assert_eq!(shared(&service), shared(&worker));
    for unit in [service, worker] {
        let environment = unit.iter().filter_map(|line| line.strip_prefix("Environment="));
        let names: Vec<_> =
            environment.flat_map(str::split_whitespace).filter_map(|one| one.split('=').next()).collect();
        assert!(names.contains(&"DATA_DIR"));
        are_settings(names.into_iter())?;
    }
    Ok(())
}

/// A process that is killed when dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What `entrepot.socket` does: systemd listens, and the first connection starts the program.
#[tokio::test]
async fn socket_of_systemd_is_served() -> Result<()> {
    let folder = TempDir::new()?;
    // The credential `.env` is a file of the working directory, as LoadCredential makes it.
    fs::write(folder.path().join(".env"), "RATE_LIMIT='off'\nPORT=1\n")?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let activate = Command::new(installed("systemd-socket-activate")?)
        .arg(format!("--listen={address}"))
        .arg(entrepot()?)
        .arg("serve")
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let _activate = Started(activate);
    let client = Client::new(&format!("http://{address}"));
    let began = Instant::now();
    let answer = loop {
        match client.get("//health/ready").await {
            Ok(answer) => break answer,
            Err(error) => ensure!(began.elapsed() < Duration::from_secs(20), "{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    answer.expect(200);
    Ok(())
}
