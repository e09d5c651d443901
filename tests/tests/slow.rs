//! Clients that are slow, silent, many or malformed: everything about them comes to an end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Server, Wire};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

const SECOND: Duration = Duration::from_secs(1);

/// What the server gives a head, and how much later it may notice: it looks four times a second.
const HEAD: Duration = Duration::from_secs(10);
const LATE: Duration = Duration::from_secs(5);

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";

fn login(length: usize) -> String {
    format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn head_at_a_byte_a_second_times_out_on_the_first_and_second_request() -> Result<()> {
    let server = Server::start(&[]).await?;
    let slow = |requests_before: usize| {
        let address = server.address();
        async move {
            let mut wire = Wire::to(address).await?;
            for _ in 0..requests_before {
                wire.say(LIVE).await?;
                assert_eq!(wire.answer().await?.status, 200);
            }
            let began = Instant::now();
            wire.trickle(LIVE.repeat(10), SECOND).await?;
            let answer = wire.answer().await?;
            let took = began.elapsed();
            assert!(took + SECOND >= HEAD && took < HEAD + LATE, "{took:?}");
            assert!(answer.status == 408 && answer.closes(), "{answer:?}");
            wire.ended().await
        }
    };
    tokio::try_join!(slow(0), slow(1), slow(5))?;
    Ok(())
}

#[tokio::test]
async fn body_at_a_byte_a_second_times_out_on_the_first_and_second_request() -> Result<()> {
    let server = Server::start(&[("REQUEST_TIMEOUT", "3s")]).await?;
    let slow = |requests_before: usize, chunked: bool, goes_on: bool| {
        let address = server.address();
        async move {
            let mut wire = Wire::to(address).await?;
            for _ in 0..requests_before {
                wire.say(LIVE).await?;
                assert_eq!(wire.answer().await?.status, 200);
            }
            let began = Instant::now();
            let (head, body) = if chunked {
                (login(0).replace("content-length: 0", "transfer-encoding: chunked"), "1\r\n \r\n".repeat(100))
            } else {
                (login(100), " ".repeat(100))
            };
            wire.say(head).await?;
            if goes_on {
                wire.trickle(body, SECOND).await?;
            }
            let answer = wire.answer().await?;
            assert!(began.elapsed() >= 3 * SECOND && began.elapsed() < 3 * SECOND + LATE, "{:?}", began.elapsed());
            assert!(answer.status == 503 && answer.closes(), "{answer:?}");
            assert_eq!(answer.body["code"], "unavailable");
            // And it is over, however much of the body there may be to come.
            let answered = Instant::now();
            wire.trickle("1\r\n \r\n".repeat(100), SECOND / 4).await?;
            wire.ended().await?;
            assert!(answered.elapsed() < LATE, "{:?}", answered.elapsed());
            anyhow::Ok(())
        }
    };
    tokio::try_join!(
        slow(0, false, true),
        slow(1, false, true),
        slow(0, true, true),
        slow(1, true, true),
        slow(0, false, false),
        slow(1, true, false)
    )?;
    Ok(())
}

#[tokio::test]
async fn unread_body_is_not_waited_for() -> Result<()> {
    let server = Server::start(&[("BODY_LIMIT", "1kb")]).await?;
    let refused = |head: String, status: u16| {
        let address = server.address();
        async move {
            let mut wire = Wire::to(address).await?;
            wire.say(head).await?;
            let answer = wire.answer().await?;
            assert_eq!(answer.status, status, "{answer:?}");
            let answered = Instant::now();
            wire.trickle("1\r\n \r\n".repeat(1_000), SECOND / 4).await?;
            wire.ended().await?;
            assert!(answered.elapsed() < HEAD + LATE, "{:?}", answered.elapsed());
            anyhow::Ok(())
        }
    };
    let orders = login(500).replace("auth/login", "orders");
    tokio::try_join!(
        refused(login(100_000_000), 413),
        refused(orders.clone(), 401),
        refused(orders.replace("content-length: 500", "transfer-encoding: chunked"), 401),
    )?;
    Ok(())
}

/// The longest answer there is without a login is a file of the documentation page.
#[tokio::test]
async fn client_that_never_reads_is_disconnected() -> Result<()> {
    let server = Server::start(&[]).await?;
    let mut wire = Wire::to(server.address()).await?;
    let ask = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: a\r\n\r\n".repeat(16);
    // Asks on and reads nothing: when the buffers between are full, the server can only wait, and ends that.
    let asking = async { while wire.say(&ask).await.is_ok() {} };
    let began = Instant::now();
    timeout(90 * SECOND, asking).await.context("the server bears with it for ever")?;
    assert!(began.elapsed() > 20 * SECOND, "it was not given time: {:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn ambiguous_request_is_refused_and_the_connection_closed() -> Result<()> {
    let server = Server::start(&[]).await?;
    let start = "POST /api/v1/auth/login HTTP/1.1\r\nhost: a\r\n";
    for (what, head) in [
        ("both lengths", format!("{start}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("both, the other way", format!("{start}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n")),
        ("two lengths", format!("{start}content-length: 5\r\ncontent-length: 6\r\n\r\n12345")),
        ("a list of lengths", format!("{start}content-length: 5, 6\r\n\r\n12345")),
        ("a length with a sign", format!("{start}content-length: +5\r\n\r\n12345")),
        ("a negative length", format!("{start}content-length: -5\r\n\r\n12345")),
        ("a length that is no number", format!("{start}content-length: 0x5\r\n\r\n12345")),
        ("a coding that nobody knows", format!("{start}transfer-encoding: cow\r\n\r\n12345")),
        ("chunked that is not last", format!("{start}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n")),
        ("a folded line", format!("{start}x-a: 1\r\n 2\r\ncontent-length: 0\r\n\r\n")),
        ("a space before the colon", format!("{start}content-length : 0\r\n\r\n")),
        ("a bare return", format!("{start}x-a: 1\rx-b: 2\r\ncontent-length: 0\r\n\r\n")),
        ("a zero byte", format!("{start}x-a: 1\02\r\ncontent-length: 0\r\n\r\n")),
        ("no host", start.replace("host: a\r\n", "\r\n")),
        ("two hosts", format!("{start}host: b\r\n\r\n")),
        ("a host that is none", start.replace("host: a\r\n", "host: a/b\r\n\r\n")),
        ("no method", " / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        ("another protocol", "\u{16}\u{3}\u{1}\0\r\n\r\n".to_owned()),
        ("HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
    ] {
        let mut wire = Wire::to(server.address()).await?;
        // What follows would be taken for a request if the first was taken for shorter than it was meant.
        wire.say(format!("{head}{LIVE}")).await?;
        let answer = wire.answer().await.with_context(|| what.to_owned())?;
        assert!(answer.status == 400 && answer.closes(), "{what}: {answer:?}");
        assert_eq!(wire.ended().await?, "", "{what}: a second answer");
    }
    Ok(())
}

#[tokio::test]
async fn endless_head_is_refused() -> Result<()> {
    let server = Server::start(&[]).await?;
    let mut wire = Wire::to(server.address()).await?;
    wire.say("GET /health/live HTTP/1.1\r\n").await?;
    let line = format!("x-a: {}\r\n", "a".repeat(8_000));
    while timeout(Duration::ZERO, wire.stream().peek(&mut [0])).await.is_err() && wire.say(&line).await.is_ok() {
        ensure!(wire.age() < 30 * SECOND, "it goes on for ever");
    }
    let answer = wire.answer().await?;
    assert!(matches!(answer.status, 400 | 431) && answer.closes(), "{answer:?}");
    Ok(())
}

/// Each half of the crowd is a process of its own, which needs 10,000 files and some more.
const CROWD: usize = 20_000;

/// The memory of a process, in bytes.
fn resident(pid: u32) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1_024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_idle_connections_are_held_or_the_oldest_dropped_while_others_are_served() -> Result<()> {
    let server = Server::start(&[]).await?;
    let before = resident(server.pid())?;
    let mut crowds = Vec::new();
    for _ in 0..2 {
        let mut crowd = Command::new(env!("CARGO_BIN_EXE_crowd"))
            .args([server.address().to_string(), (CROWD / 2).to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let said = BufReader::new(crowd.stdout.take().context("no stdout")?).lines();
        crowds.push((crowd, said));
    }
    for (_, said) in &mut crowds {
        assert_eq!(said.next_line().await?.as_deref(), Some("connected"), "not all came in: see what is said above");
    }
    let ask = async || {
        let began = Instant::now();
        let mut fresh = Wire::to(server.address()).await?;
        fresh.say(LIVE).await?;
        assert_eq!(fresh.answer().await?.status, 200);
        anyhow::Ok(began.elapsed())
    };
    // Connected is not accepted: behind this answer the backlog is empty, so that the system drops no SYN any more,
    // which clients send again after a second.
    ask().await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        slowest = slowest.max(ask().await?);
    }
    let grown = resident(server.pid())?.saturating_sub(before) / CROWD;
    println!("the slowest of 100 answers took {slowest:?}; each connection costs {grown} bytes");
    assert!(slowest < SECOND, "{slowest:?}");
    assert!(grown < 8_192, "{grown} bytes for each connection that says nothing");
    Ok(())
}
