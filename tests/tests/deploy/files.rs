//! The image, compose, Prometheus, Grafana, the collector of traces, `HAProxy` and the workflows.

use std::{collections::BTreeSet, fs, process::Command};

use anyhow::{Context, Result, ensure};
use entrepot_tests::Server;
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{are_settings, installed, linter, root, run, text, yaml_file};

/// The files of `deploy/`, and the test that reads or runs each. One that is not listed fails a test.
const CHECKED: [(&str, &str); 19] = [
    (".env.example", "secrets_of_compose_are_generated_and_accepted"),
    ("Dockerfile", "image_is_clean_and_its_health_check_works"),
    ("README.md", "crates/server/tests/links.rs"),
    ("alerts.yml", "prometheus_accepts_its_files"),
    ("backup", "backup.rs"),
    ("compose.yaml", "compose_file_is_valid_and_mounts_what_exists"),
    ("dev", "justfile.rs"),
    ("grafana", "grafana_finds_prometheus_and_the_dashboard"),
    ("grafana.json", "suite/metrics.rs"),
    ("haproxy.cfg", "rolling.rs"),
    ("kubernetes", "kubernetes.rs"),
    ("local", "local.rs"),
    ("nginx.conf", "nginx.rs"),
    ("otel-collector.yaml", "pipelines_of_the_collector_are_complete"),
    ("prometheus.yml", "prometheus_accepts_its_files"),
    ("restore", "backup.rs"),
    ("sbom", "scripts_are_well_formed"),
    ("store.sh", "backup.rs"),
    ("systemd", "systemd.rs"),
];

fn read(name: &str) -> Result<String> {
    fs::read_to_string(root().join(name)).with_context(|| name.to_owned())
}

#[test]
fn every_file_is_checked() -> Result<()> {
    let files = fs::read_dir(root().join("deploy"))?.map(|file| Ok(file?.file_name().into_string().unwrap()));
    let mut files: BTreeSet<String> = files.collect::<Result<_>>()?;
    // Secrets of whoever runs it.
    files.remove(".env");
    assert_eq!(files, CHECKED.iter().map(|(name, _)| (*name).to_owned()).collect());
    Ok(())
}

#[test]
fn scripts_are_well_formed() -> Result<()> {
    let bash = installed("bash")?;
    for script in ["backup", "dev", "local", "restore", "sbom", "store.sh"] {
        run(&bash, &["-n", &format!("deploy/{script}")])?;
    }
    Ok(())
}

#[tokio::test]
async fn image_is_clean_and_its_health_check_works() -> Result<()> {
    run(&linter("hadolint")?, &["deploy/Dockerfile"])?;
    let image = read("deploy/Dockerfile")?;
    let version = image.lines().find_map(|line| line.strip_prefix("ARG RUST_VERSION=")).context("no version")?;
    ensure!(read("Cargo.toml")?.contains(&format!("rust-version = \"{version}\"")), "not the Rust that is promised");

    let (_, check) = image.split_once("HEALTHCHECK").context("no health check")?;
    let (_, check) = check.split_once("CMD ").context("no command")?;
    let check: Vec<String> = serde_json::from_str(check.lines().next().context("no line")?)?;
    let (program, arguments) = check.split_first().context("no program")?;
    assert!(image.contains(&format!("ENTRYPOINT [\"{program}\"]")), "{program} is another program");
    let server = Server::start(&[]).await?;
    let port = server.address().port().to_string();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let out = server.command(&arguments, &[("HOST", "0.0.0.0"), ("PORT", &port)])?;
    assert!(out.status.success(), "{}", text(&out));
    Ok(())
}

#[test]
fn compose_file_is_valid_and_mounts_what_exists() -> Result<()> {
    let name = "deploy/compose.yaml";
    run(&linter("check-jsonschema")?, &["--builtin-schema", "vendor.compose-spec", name])?;
    let compose = yaml_file(name)?;
    let environment = compose["services"]["one"]["environment"].as_object().context("no environment")?;
    are_settings(environment.keys().map(String::as_str))?;
    let services = compose["services"].as_object().context("no services")?;
    let mut mounted = 0;
    for (service, options) in services {
        for volume in options["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().and_then(|volume| volume.split(':').next()).context("no source")?;
            if source.starts_with("./") {
                ensure!(root().join("deploy").join(source).is_file(), "{service}: there is no {source}");
                mounted += 1;
            } else {
                ensure!(compose["volumes"].get(source).is_some(), "{service}: there is no volume {source}");
            }
        }
        let dependencies = options["depends_on"].as_object().into_iter().flat_map(|all| all.iter());
        for (other, condition) in dependencies {
            ensure!(services.contains_key(other), "{service}: there is no {other}");
            let waits = condition["condition"] == "service_healthy";
            ensure!(!waits || services[other].get("healthcheck").is_some(), "{service} waits for ever for {other}");
        }
        ensure!(options["read_only"] == true && options["cap_drop"][0] == "ALL", "{service} is not hardened");
        ensure!(options["deploy"]["resources"]["limits"]["memory"].is_string(), "{service} is not limited");
    }
    ensure!(mounted >= 7, "only {mounted} files are mounted");
    Ok(())
}

/// The command in the comment of the example is run as it is written.
#[tokio::test]
async fn secrets_of_compose_are_generated_and_accepted() -> Result<()> {
    let example = read("deploy/.env.example")?;
    let command: Vec<_> = example.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let command = command.join("\n");
    let folder = TempDir::new()?;
    fs::create_dir(folder.path().join("deploy"))?;
    fs::write(folder.path().join("deploy/.env.example"), &example)?;
    let out = Command::new("bash").args(["-euc", &command]).current_dir(&folder).output()?;
    assert!(out.status.success(), "{}", text(&out));
    let made = fs::read_to_string(folder.path().join("deploy/.env"))?;
    let value =
        |name: &str| made.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
    // Those that compose insists on.
    let compose = read("deploy/compose.yaml")?;
    let needed: BTreeSet<_> = compose
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}')?.0.split_once(":?"))
        .map(|(name, _)| name)
        .collect();
    assert!(needed.len() == 5 && needed.iter().all(|name| value(name).len() == 64), "{needed:?}");
    let settings = ["JWT_SECRET", "REFRESH_TOKEN_SECRET"].map(|name| (name, value(name)));
    let settings = [&settings[..], &[("APP_ENV", "production"), ("BCRYPT_COST", "10")]].concat();
    let server = Server::start(&settings).await?;
    server.anonymous().get("//health/ready").await?.expect(200);
    Ok(())
}

#[test]
fn prometheus_accepts_its_files() -> Result<()> {
    let promtool = installed("promtool")?;
    let told = run(&promtool, &["check", "config", "deploy/prometheus.yml"])?;
    assert!(told.contains("1 rule files found"), "{told}");
    let config = yaml_file("deploy/prometheus.yml")?;
    // The alert that an instance is down, and the dashboard, look for this job.
    let jobs = config["scrape_configs"].as_array().context("no jobs")?;
    let job = jobs.iter().find(|job| job["job_name"] == "entrepot").context("no job")?;
    let compose = yaml_file("deploy/compose.yaml")?;
    let targets = job["static_configs"][0]["targets"].as_array().context("no targets")?;
    assert_eq!(targets.len(), 3);
    for target in targets {
        let (service, port) = target.as_str().and_then(|target| target.split_once(':')).context("no port")?;
        let command = compose["services"][service]["command"].to_string();
        let expected = match port {
            "3000" => r#"["serve","--no-worker"]"#,
            _ => r#"["worker","--probes","0.0.0.0:9100"]"#,
        };
        assert_eq!(command, expected, "{target}");
    }
    Ok(())
}

#[test]
fn grafana_finds_prometheus_and_the_dashboard() -> Result<()> {
    let compose = yaml_file("deploy/compose.yaml")?;
    let source = &yaml_file("deploy/grafana/datasources.yml")?["datasources"][0];
    assert_eq!((&source["type"], &source["url"]), (&"prometheus".into(), &"http://prometheus:9090".into()));
    let folder = &yaml_file("deploy/grafana/dashboards.yml")?["providers"][0]["options"]["path"];
    let folder = folder.as_str().context("no folder")?;
    let mounted = format!("./grafana.json:{folder}/entrepot.json:ro");
    let volumes = compose["services"]["grafana"]["volumes"].as_array().context("no volumes")?;
    assert!(volumes.contains(&Value::from(mounted)), "{volumes:?}");
    Ok(())
}

#[test]
fn pipelines_of_the_collector_are_complete() -> Result<()> {
    let config = yaml_file("deploy/otel-collector.yaml")?;
    let pipelines = config["service"]["pipelines"].as_object().context("no pipelines")?;
    assert!(pipelines.contains_key("traces"));
    for (name, pipeline) in pipelines {
        for kind in ["receivers", "processors", "exporters"] {
            let used = pipeline[kind].as_array().with_context(|| format!("{name} has no {kind}"))?;
            let used: BTreeSet<_> = used.iter().filter_map(Value::as_str).collect();
            let declared: BTreeSet<_> = config[kind].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(used, declared, "{kind} of {name}");
        }
    }
    let endpoint = &yaml_file("deploy/compose.yaml")?["services"]["one"]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"];
    assert_eq!(endpoint, "http://otel-collector:4318");
    assert_eq!(config["receivers"]["otlp"]["protocols"]["http"]["endpoint"], "0.0.0.0:4318");
    Ok(())
}

#[test]
fn haproxy_accepts_its_file() -> Result<()> {
    run(&installed("haproxy")?, &["-c", "-f", "deploy/haproxy.cfg"])?;
    Ok(())
}

#[test]
fn workflows_are_clean() -> Result<()> {
    let workflows = ["ci", "audit", "release"].map(|name| format!(".github/workflows/{name}.yml"));
    let workflows: Vec<_> = workflows.iter().map(String::as_str).collect();
    assert_eq!(fs::read_dir(root().join(".github/workflows"))?.count(), workflows.len());
    run(&linter("actionlint")?, &workflows)?;
    run(&linter("zizmor")?, &[&["--offline", "--no-progress", "--quiet"], &workflows[..]].concat())?;
    run(&linter("check-jsonschema")?, &[&["--builtin-schema", "vendor.github-workflows"], &workflows[..]].concat())?;
    for name in workflows {
        let workflow = yaml_file(name)?;
        assert_eq!(workflow["permissions"], serde_json::json!({}), "{name} gives every job permissions");
    }
    Ok(())
}
