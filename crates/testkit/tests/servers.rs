//! The throw-away servers: what they do when they are asked, and what becomes of them when nobody can ask any more.
//!
//! Tests that are ignored are run by others of this file, in a process of their own.
#![allow(missing_docs, reason = "tests")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_testkit::{Database, Postgres, Redis, RedisCluster, RedisSentinel, redis_url};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

const SOON: Duration = Duration::from_secs(30);

/// Long enough that a server that answers has answered.
const LONG: Duration = Duration::from_millis(300);

static FILLED: AtomicUsize = AtomicUsize::new(0);

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn number(client: &Client, query: &str) -> Result<i64> {
    Ok(client.query_one(query, &[]).await?.try_get(0)?)
}

async fn migrate(url: String) -> Result<()> {
    FILLED.fetch_add(1, Ordering::Relaxed);
    let client = connect(&url).await?;
    client.batch_execute("CREATE TABLE things (id bigint PRIMARY KEY)").await?;
    // Somebody stays connected.
    std::mem::forget(client);
    Ok(())
}

/// What Redis says to one command, if it does so soon enough.
fn ask(port: u16, command: &str) -> Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(LONG))?;
    write!(stream, "{command}\r\n")?;
    // A sentinel knows no QUIT.
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.trim_end().to_owned())
}

fn listens(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < SOON, "{what} takes too long");
        sleep(Duration::from_millis(10)).await;
    }
}

/// The ignored test of that name, as a command.
fn other_process(test: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    Ok(command)
}

/// Starts it and reads the line where it says, after a mark, what it holds.
fn started(mut command: Command) -> Result<(Child, Vec<String>)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let line = lines.find_map(|line| Some(line.ok()?.split_once("holds: ")?.1.to_owned()));
    let line = line.context("the process says nothing")?;
    Ok((child, line.split(' ').map(str::to_owned).collect()))
}

#[tokio::test]
async fn redis_can_be_killed_and_frozen_and_comes_back_on_its_port() -> Result<()> {
    let mut redis = Redis::start().await?;
    let port = redis.port();
    assert_eq!(redis.url(), format!("redis://127.0.0.1:{port}"));
    assert_eq!(ask(port, "SET a b")?, "+OK");
    let pid = format!("process_id:{}", redis.pid());
    assert!(ask(port, "INFO server")?.contains(&pid));

    redis.freeze();
    assert!(ask(port, "PING").is_err());
    redis.thaw();
    assert_eq!(ask(port, "PING")?, "+PONG");

    redis.freeze();
    redis.kill();
    assert!(!listens(port));
    redis.restart().await?;
    assert_eq!(redis.port(), port);
    assert_eq!(ask(port, "GET a")?, "$-1", "it keeps nothing");

    drop(redis);
    assert!(!listens(port));
    Ok(())
}

#[tokio::test]
async fn the_shared_redis_is_one() -> Result<()> {
    assert_eq!(redis_url().await?, redis_url().await?);
    Ok(())
}

#[tokio::test]
async fn a_cluster_has_all_its_slots_also_when_a_replica_takes_over() -> Result<()> {
    let mut cluster = RedisCluster::start().await?;
    let ports = cluster.nodes().each_ref().map(Redis::port);
    assert!(ports.iter().all(|port| cluster.url().contains(&format!("127.0.0.1:{port}"))), "{}", cluster.url());
    // Their slots are 3300, 7365 and 15495.
    for (key, holder) in [("b", 0), ("c", 1), ("a", 2)] {
        for (n, port) in ports.iter().enumerate() {
            let moved = format!("127.0.0.1:{}", ports[holder]);
            let answer = ask(*port, &format!("SET {key} {n}"))?;
            assert!(if n == holder { answer == "+OK" } else { answer.ends_with(&moved) }, "{key} at {n}: {answer}");
        }
    }

    let replica = cluster.replica(2).await?;
    cluster.nodes()[2].kill();
    assert_eq!(ask(replica.port(), "CLUSTER FAILOVER TAKEOVER")?, "+OK");
    let moved = format!("127.0.0.1:{}", replica.port());
    eventually("the news that another has the slots", || {
        ports[..2].iter().all(|port| ask(*port, "GET a").unwrap().ends_with(&moved))
    })
    .await;
    assert_eq!(ask(replica.port(), "GET a")?, "$1\r\n2");

    drop((cluster, replica));
    assert!(!ports.iter().any(|port| listens(*port)));
    Ok(())
}

#[tokio::test]
async fn a_sentinel_names_another_when_the_first_dies() -> Result<()> {
    let mut all = RedisSentinel::start(Duration::from_millis(500)).await?;
    let url = all.url();
    let sentinel = url.split([':', '?']).find_map(|part| part.parse().ok()).context("no port")?;
    let named = || {
        let answer = ask(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME shop")?;
        answer.lines().nth(4).and_then(|port| port.parse::<u16>().ok()).context("it names none")
    };
    let first = all.master().port();
    assert_eq!(named()?, first);
    all.master().kill();
    let start = Instant::now();
    while named()? == first {
        ensure!(start.elapsed() < SOON, "the dead one is still the master");
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask(named()?, "SET a b")?, "+OK");
    drop(all);
    assert!(!listens(sentinel) && !listens(first));
    Ok(())
}

#[tokio::test]
async fn postgres_keeps_its_port_and_data_when_it_is_stopped_or_killed() -> Result<()> {
    let mut postgres = Postgres::start().await?;
    let url = postgres.create_database("a \"name\"").await.context("a name that needs quotes");
    assert!(url.is_ok());
    let url = postgres.create_database("shop").await?;
    connect(&url).await?.batch_execute("CREATE TABLE things AS SELECT 1 AS id").await?;
    let port = postgres.port();

    postgres.stop().await?;
    assert!(!listens(port));
    postgres.start_again().await?;
    let busy = connect(&url).await?;
    busy.batch_execute("INSERT INTO things VALUES (2)").await?;

    // A process that does not look up from its work.
    let work = tokio::spawn(async move { number(&busy, "SELECT count(*) FROM generate_series(1, 1e15)").await });
    let watcher = connect(&url).await?;
    let start = Instant::now();
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%1e15%' \
                   AND pid <> pg_backend_pid()";
    while number(&watcher, at_work).await? == 0 {
        ensure!(start.elapsed() < SOON, "the work does not begin");
    }
    postgres.kill();
    assert!(timeout(SOON, work).await??.is_err());
    assert!(!listens(port));
    postgres.start_again().await?;
    assert_eq!(postgres.port(), port);
    assert_eq!(number(&connect(&url).await?, "SELECT count(*) FROM things").await?, 2);

    drop(postgres);
    assert!(!listens(port));
    Ok(())
}

#[tokio::test]
async fn all_of_postgres_can_be_frozen() -> Result<()> {
    let mut postgres = Postgres::start().await?;
    let open = connect(&postgres.url("postgres")).await?;
    postgres.freeze();
    assert!(timeout(LONG, number(&open, "SELECT 1::bigint")).await.is_err(), "an open connection answers");
    assert!(timeout(LONG, connect(&postgres.url("postgres"))).await.is_err(), "a new connection is taken");
    postgres.thaw();
    assert_eq!(timeout(SOON, number(&open, "SELECT 7::bigint")).await??, 7);

    postgres.freeze();
    postgres.kill();
    assert!(timeout(SOON, number(&open, "SELECT 1::bigint")).await?.is_err());
    postgres.start_again().await
}

#[tokio::test]
async fn a_password_is_needed() -> Result<()> {
    let postgres = Postgres::start().await?;
    let url = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", postgres.port());
    let refused = connect(&url).await.err().context("a wrong password is right")?;
    assert!(format!("{refused:#}").contains("password authentication failed"), "{refused:#}");
    Ok(())
}

#[tokio::test]
async fn a_replica_follows_and_only_reads() -> Result<()> {
    let mut primary = Postgres::start().await?;
    let replica = primary.replica().await?;
    assert_ne!(primary.port(), replica.port());
    connect(&primary.url("postgres")).await?.batch_execute("CREATE TABLE things AS SELECT 1 AS id").await?;
    let reader = connect(&replica.url("postgres")).await?;
    let rows = async |wanted: i64| {
        let start = Instant::now();
        while number(&reader, "SELECT count(*) FROM things").await.ok() != Some(wanted) {
            assert!(start.elapsed() < SOON, "the replica does not follow");
            sleep(Duration::from_millis(10)).await;
        }
    };
    rows(1).await;
    assert!(reader.batch_execute("INSERT INTO things VALUES (2)").await.is_err());

    // Also after its primary was away.
    primary.stop().await?;
    rows(1).await;
    primary.start_again().await?;
    connect(&primary.url("postgres")).await?.batch_execute("INSERT INTO things VALUES (2)").await?;
    rows(2).await;
    Ok(())
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_and_their_template_is_filled_once() -> Result<()> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        tasks.spawn(Database::new(migrate));
    }
    let databases = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(FILLED.load(Ordering::Relaxed), 1);
    let mut clients = Vec::new();
    for database in &databases {
        let client = connect(database.url()).await?;
        assert_eq!(client.execute("INSERT INTO things VALUES (1)", &[]).await?, 1);
        clients.push(client);
    }
    let urls: Vec<String> = databases.iter().map(|database| database.url().to_owned()).collect();

    // Also while somebody is connected.
    drop(databases);
    for url in urls {
        let refused = connect(&url).await.err().context("the database is still there")?;
        assert!(format!("{refused:#}").contains("does not exist"), "{refused:#}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_filled_otherwise_is_another_template() -> Result<()> {
    let other = Database::new(|url| async move {
        let client = connect(&url).await?;
        Ok(client.batch_execute("CREATE TABLE others (id bigint)").await?)
    });
    let (other, empty) = (other.await?, Database::empty().await?);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename = 'others'";
    assert_eq!(number(&connect(other.url()).await?, tables).await?, 1);
    assert_eq!(number(&connect(empty.url()).await?, tables).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_template_that_fails_is_filled_again_and_says_why() -> Result<()> {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let fails = async |_: String| {
        ensure!(TRIES.fetch_add(1, Ordering::Relaxed) > 0, "the first time fails");
        Ok(())
    };
    let refused = Database::new(fails).await.err().context("it does not fail")?;
    assert!(format!("{refused:#}").contains("the first time fails"), "{refused:#}");
    Database::new(fails).await?;
    Ok(())
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
async fn everything_ends_with_a_process_that_is_killed() -> Result<()> {
    let mut command = other_process("holds_servers")?;
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
async fn a_given_server_is_left_clean_even_by_the_dead() -> Result<()> {
    let postgres = Postgres::start().await?;
    let admin = connect(&postgres.url("postgres")).await?;
    admin.batch_execute("CREATE ROLE tester LOGIN CREATEDB PASSWORD 'secret'").await?;
    let url = format!("postgres://tester:secret@127.0.0.1:{}/postgres?sslmode=disable", postgres.port());
    let process = || {
        let mut command = other_process("holds_a_database")?;
        command.env("TEST_DATABASE_URL", &url);
        started(command)
    };
    let (mut first, held) = process()?;
    let (mut second, _) = process()?;
    // A template and a copy of each, for the second leaves the living alone.
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
        ensure!(start.elapsed() < SOON, "the sessions of the dead do not end");
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
fn a_missing_program_is_named_with_its_package() -> Result<()> {
    let mut command = other_process("misses_programs")?;
    command.env("PATH", "/nowhere");
    let (mut child, words) = started(command)?;
    child.wait()?;
    let said = words.join(" ");
    assert!(said.contains("apt-get install postgresql redis-server"), "{said}");
    assert!(said.contains("TEST_REDIS_URL"), "{said}");
    Ok(())
}

/// Whoever is not root has run the others as they are; root must also try how they do without its rights.
#[test]
fn all_this_works_for_an_ordinary_user() -> Result<()> {
    let id = Command::new("id").arg("-u").output()?;
    if String::from_utf8(id.stdout)?.trim() != "0" {
        return Ok(());
    }
    // The folder of the build may be closed to others.
    let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir_in("/tmp")?;
    let program = folder.path().join("servers");
    fs::copy(env::current_exe()?, &program)?;
    let names =
        ["redis_can_be", "a_cluster_has", "a_sentinel_names", "postgres_keeps", "each_test_has", "everything_ends"];
    let mut command = Command::new(&program);
    command.args(names).uid(65_534).gid(65_534).current_dir("/").env("HOME", "/").env("TMPDIR", "/tmp");
    let output = command.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("6 passed"));
    Ok(())
}
