//! Measures live feeds: `feeds [WEBSOCKETS] [STREAMS] [ROUNDS]`, by default 5,000 of each kind and 20 orders. Prints how
//! long the event of an order takes to reach all clients, counted from the answer to the order, and what a client costs.
//! The program is the one of `ENTREPOT_BIN`, on SQLite.

#![allow(clippy::indexing_slicing, reason = "of buffers within their length, and of lists that are not empty")]

use std::{env, fs, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use entrepot_tests::Server;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Barrier, mpsc},
    time::{Instant, timeout},
};

/// What is open besides.
const OTHERS: u64 = 100;

/// How long an event may take to come at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many clients connect at once.
const AT_ONCE: usize = 200;

fn request(kind: Kind, token: &str) -> String {
    let (path, more) = match kind {
        Kind::WebSocket => (
            "ws",
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
        Kind::Stream => ("events", ""),
    };
    format!("GET /api/v1/{path}?types=order.created HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}\r\n")
}

#[derive(Clone, Copy)]
enum Kind {
    WebSocket,
    Stream,
}

/// Reads until the text has come as many times, and tells when it came each time.
async fn follow(mut stream: TcpStream, times: mpsc::UnboundedSender<Instant>) -> Result<()> {
    const NEEDLE: &[u8] = b"\"type\":\"order.created\"";
    let (mut buffer, mut kept) = (vec![0; 2_048], Vec::new());
    loop {
        let read = stream.read(&mut buffer).await?;
        ensure!(read > 0, "the server has closed the connection");
        kept.extend_from_slice(&buffer[..read]);
        while let Some(at) = kept.windows(NEEDLE.len()).position(|part| part == NEEDLE) {
            kept.drain(..at + NEEDLE.len());
            times.send(Instant::now())?;
        }
        let rest = kept.len().saturating_sub(NEEDLE.len());
        kept.drain(..rest);
        kept.shrink_to(64);
    }
}

async fn open(address: SocketAddr, request: Arc<str>) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101") || head.starts_with(b"HTTP/1.1 200"), "{}", head.escape_ascii());
    Ok(stream)
}

/// Resident memory in bytes.
fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}

async fn measure() -> Result<()> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut argument = |default| arguments.next().unwrap_or(Ok(default));
    let (sockets, streams, rounds) = (argument(5_000)?, argument(5_000)?, argument(20)?);
    let clients = sockets + streams;
    let files = rlimit::increase_nofile_limit(u64::try_from(clients)? + OTHERS)?;
    ensure!(files >= u64::try_from(clients)?, "the machine's hard limit is {files} open files");
    let server = Server::start(&[("ACCESS_TOKEN_TTL", "1h")]).await?;
    let staff = server.admin().await?;
    let product = staff.product("MUG", 295, 1_000_000).await?;
    staff.order(&product, 1).await?.expect(201);
    let before = memory(server.pid())?;
    let (times, mut arrived) = mpsc::unbounded_channel();
    let places = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let ready = Arc::new(Barrier::new(clients + 1));
    for n in 0..clients {
        let kind = if n < sockets { Kind::WebSocket } else { Kind::Stream };
        let (request, address) = (request(kind, staff.token()).into(), server.address());
        let (times, places, ready) = (times.clone(), places.clone(), ready.clone());
        tokio::spawn(async move {
            let place = places.acquire().await?;
            let stream = open(address, request).await?;
            drop(place);
            ready.wait().await;
            follow(stream, times).await
        });
    }
    timeout(Duration::from_mins(2), ready.wait()).await.context("not all clients were served")?;
    let connected = memory(server.pid())?;
    let mut slowest = Vec::new();
    let mut all = Vec::with_capacity(clients * rounds);
    for _ in 0..rounds {
        staff.order(&product, 1).await?.expect(201);
        let answered = Instant::now();
        let mut took = Vec::with_capacity(clients);
        while took.len() < clients {
            let at = timeout(PATIENCE, arrived.recv()).await.context("an event has not reached all")?;
            took.push(at.context("nobody listens")?.saturating_duration_since(answered));
        }
        took.sort_unstable();
        slowest.extend(took.last().copied());
        all.extend(took);
    }
    all.sort_unstable();
    slowest.sort_unstable();
    let at = |part: usize| all[(all.len() * part / 1_000).min(all.len() - 1)];
    println!("{sockets} WebSockets and {streams} streams, {rounds} orders");
    println!("reached after p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
    println!("all of them after {:?} at the best and {:?} at the worst", slowest[0], slowest[slowest.len() - 1]);
    let per = |bytes: u64| bytes.saturating_sub(before) / u64::try_from(clients).unwrap_or(1);
    println!("{} bytes for each client, {} after the orders", per(connected), per(memory(server.pid())?));
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match measure().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
