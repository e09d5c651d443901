//! Servers and databases of other test processes.
//!
//! Ignored tests are run by other tests, in a separate process.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Database, Postgres, Redis};
use tokio::time::sleep;

use super::{TIMEOUT, connect, eventually, listens, migrate, number};

/// The ignored test of that name, as a command.
fn other_process(test: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    Ok(command)
}

/// Starts it and reads the line with which it reports, after a marker, what it holds.
fn started(mut command: Command) -> Result<(Child, Vec<String>)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let line = lines.find_map(|line| Some(line.ok()?.split_once("holds: ")?.1.to_owned()));
    let line = line.context("the process says nothing")?;
    Ok((child, line.split(' ').map(str::to_owned).collect()))
}

#[tokio::test]
#[ignore = "the process that is killed"]
async fn holds_servers() -> Result<()> {
    let database = Database::new(migrate).await?;
    let data: String = connect(database.url()).await?.query_one("SHOW data_directory", &[]).await?.get(0);
    let (redis, frozen) = (Redis::start().await?, Postgres::start().await?);
    frozen.freeze();
    println!("holds: {} {} {} {data}", database.url(), redis.port(), frozen.port());
    std::future::pending().await
}

#[tokio::test]
async fn servers_end_with_a_killed_process() -> Result<()> {
    let mut command = other_process("processes::holds_servers")?;
    command.env_remove("TEST_DATABASE_URL");
    let (mut child, held) = started(command)?;
    let [url, redis, frozen, data] = held.try_into().ok().context("another line")?;
    let shared = url.split([':', '/']).find_map(|part| part.parse().ok()).context("no port")?;
    let ports = [shared, redis.parse()?, frozen.parse()?];
    assert!(ports.iter().all(|port| listens(*port)));
    child.kill()?;
    child.wait()?;
    eventually("the end of the servers", || !ports.iter().any(|port| listens(*port))).await;
    eventually("the end of the folder", || !Path::new(&data).parent().unwrap().exists()).await;
    Ok(())
}

#[tokio::test]
async fn databases_of_killed_processes_are_removed_from_a_given_server() -> Result<()> {
    let postgres = Postgres::start().await?;
    let admin = connect(&postgres.url("postgres")).await?;
    admin.batch_execute("CREATE ROLE tester LOGIN CREATEDB PASSWORD 'secret'").await?;
    let url = format!("postgres://tester:secret@127.0.0.1:{}/postgres?sslmode=disable", postgres.port());
    let process = || {
        let mut command = other_process("processes::holds_a_database")?;
        command.env("TEST_DATABASE_URL", &url);
        started(command)
    };
    let (mut first, held) = process()?;
    let (mut second, _) = process()?;
    // A template and a copy for each; the second process leaves those of live processes.
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'entrepot\\_test\\_%'";
    assert_eq!(number(&admin, left).await?, 4);
    connect(held.first().context("no database")?).await?;
    for child in [&mut first, &mut second] {
        child.kill()?;
        child.wait()?;
    }
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    let start = Instant::now();
    while number(&admin, locks).await? > 0 {
        ensure!(start.elapsed() < TIMEOUT, "the sessions of the dead do not end");
        sleep(Duration::from_millis(10)).await;
    }
    let (mut third, _) = process()?;
    assert_eq!(number(&admin, left).await?, 2);
    third.kill()?;
    third.wait()?;
    Ok(())
}

#[tokio::test]
#[ignore = "a process that uses a given server"]
async fn holds_a_database() -> Result<()> {
    let database = Database::new(migrate).await?;
    println!("holds: {}", database.url());
    std::future::pending().await
}

#[tokio::test]
#[ignore = "the process that finds no programs"]
async fn misses_programs() {
    let Err(why) = Redis::start().await else { panic!("it starts what is not there") };
    println!("holds: {why:#}");
}

#[test]
fn missing_program_is_named_with_its_package() -> Result<()> {
    let mut command = other_process("processes::misses_programs")?;
    command.env("PATH", "/nowhere");
    let (mut child, words) = started(command)?;
    child.wait()?;
    let said = words.join(" ");
    assert!(said.contains("apt-get install postgresql redis-server"), "{said}");
    assert!(said.contains("TEST_REDIS_URL"), "{said}");
    Ok(())
}

/// Other users have run the other tests as themselves; root must also try without its rights.
#[test]
fn servers_start_for_an_ordinary_user() -> Result<()> {
    let id = Command::new("id").arg("-u").output()?;
    if String::from_utf8(id.stdout)?.trim() != "0" {
        return Ok(());
    }
    // The build folder may be inaccessible to others.
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir_in("/tmp")?;
    let program = folder.path().join("servers");
    fs::copy(env::current_exe()?, &program)?;
    let names = [
        "redis_is_killed",
        "cluster_serves",
        "sentinel_names",
        "postgres_keeps",
        "databases_are_separate",
        "servers_end",
    ];
    let mut command = Command::new(&program);
    command.args(names).uid(65_534).gid(65_534).current_dir("/").env("HOME", "/").env("TMPDIR", "/tmp");
    let output = command.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("6 passed"));
    Ok(())
}
