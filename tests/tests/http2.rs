//! HTTP/2 clients that are slow, greedy or malformed: everything about them has a bound.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{
    Server,
    http2::{END_HEADERS, END_STREAM, Frame, Frames, PREFACE, block, kind},
};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// What the server gives a head, and how much later it may notice.
const HEAD: Duration = Duration::from_secs(10);
const LATE: Duration = Duration::from_secs(5);

/// What a stream is refused with, ended with, and who resets too much is told (RFC 9113 7).
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

const LIVE: &str = "/health/live";
const LOGIN: &str = "/api/v1/auth/login";

/// Clients number their streams so.
fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}

async fn is_alive(frames: &mut Frames, stream: u32) -> Result<()> {
    frames.send([Frame::request(stream, "GET", LIVE, true)]).await?;
    let body = frames.body(stream).await?;
    ensure!(body.contains("success"), "{body}");
    Ok(())
}

fn has_not_panicked(server: &Server) {
    let log = server.log();
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[tokio::test]
async fn its_limits_are_told() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    let settings = frames.until(|frame| frame.kind == kind::SETTINGS).await?.payload;
    let told = |id: u8| settings.chunks(6).find(|one| one[..2] == [0, id]).map(|one| one[2..].to_vec());
    for (id, value) in [(3, 100_u32), (4, 256 << 10), (6, 64 << 10)] {
        assert_eq!(told(id), Some(value.to_be_bytes().to_vec()), "{id}: {settings:?}");
    }
    let window = frames.until(|frame| frame.kind == kind::WINDOW_UPDATE && frame.stream == 0).await?;
    assert_eq!(window.number(0), (1 << 20) - 65_535);
    is_alive(&mut frames, 1).await
}

#[tokio::test]
async fn silent_and_incomplete_connections_time_out() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let request = Frame::request(1, "GET", LIVE, true);
    let part = |flags| Frame { flags, ..request.clone() }.bytes();
    let preface = [PREFACE, &Frame::new(kind::SETTINGS, 0, 0, []).bytes()].concat();
    let after = |bytes: &[u8]| [&preface, bytes].concat();
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let ended = |what: &'static str, protocol: &'static str, said: Vec<u8>, every: Duration| {
        let (address, pair) = (server.address(), &pair);
        async move {
            let mut frames = Frames::handshake(address, pair, protocol).await?;
            frames.say(&said).await?;
            if every < HEAD {
                // Goes on with what never makes a whole.
                let dribbling = async {
                    while frames.say([0]).await.is_ok() {
                        sleep(every).await;
                    }
                };
                tokio::time::timeout(12 * HEAD, dribbling).await.context(what)?;
            }
            frames.ended().await.context(what)?;
            let took = frames.age();
            assert!(took + SECOND >= HEAD && took < HEAD + LATE, "{what}: {took:?}");
            anyhow::Ok(())
        }
    };
    let (never, slowly) = (100 * HEAD, SECOND);
    tokio::try_join!(
        ended("silence", "h2", vec![], never),
        ended("silence with HTTP/1", "http/1.1", vec![], never),
        ended("half a preface", "h2", half(PREFACE.to_vec()), never),
        ended("half a frame of settings", "h2", [PREFACE, &[0, 0, 6, 4, 0]].concat(), never),
        ended("half a head", "h2", after(&half(request.bytes())), never),
        ended("a head that goes on and does not", "h2", after(&part(END_STREAM)), never),
        ended("a head at a byte a second", "h2", after(&[0, 1, 0, 1, 5, 0, 0, 0, 1]), slowly),
        ended("data that nobody wants at a byte a second", "h2", after(&[0, 1, 0, 200, 0, 0, 0, 0, 0]), slowly),
    )?;
    // Who has said all of it may be silent for longer.
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    while frames.age() < HEAD + LATE {
        sleep(SECOND).await;
    }
    is_alive(&mut frames, 1).await
}

#[tokio::test]
async fn body_at_a_byte_a_second_times_out_and_other_streams_go_on() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[("REQUEST_TIMEOUT", "3s")]).await?;
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    let began = Instant::now();
    frames.send([Frame::request(1, "POST", LOGIN, false)]).await?;
    for stream in streams().skip(1).take(2) {
        frames.send([Frame::new(kind::DATA, 0, 1, *b" ")]).await?;
        is_alive(&mut frames, stream).await?;
        sleep(SECOND).await;
    }
    let body = frames.body(1).await?;
    assert!(began.elapsed() >= 3 * SECOND && began.elapsed() < 3 * SECOND + LATE, "{:?}", began.elapsed());
    assert!(body.contains("\"unavailable\""), "{body}");
    frames.until(|frame| frame.kind == kind::RST_STREAM && frame.stream == 1).await?;
    is_alive(&mut frames, 99).await
}

#[tokio::test]
async fn concurrent_streams_are_limited_to_a_hundred() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    frames.send(streams().take(101).map(|stream| Frame::request(stream, "POST", LOGIN, false))).await?;
    let refused = frames.until(|frame| frame.kind == kind::RST_STREAM).await?;
    assert_eq!(refused, Frame::reset(201, REFUSED_STREAM));
    // Each that is answered makes room for one.
    frames.send([Frame::new(kind::DATA, END_STREAM, 1, *b"{}")]).await?;
    let body = frames.body(1).await?;
    assert!(body.contains("\"unsupported_media_type\""), "{body}");
    is_alive(&mut frames, 203).await
}

#[tokio::test]
async fn headers_without_end_are_refused_and_break_nothing() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let names: Vec<String> = (0..30_000).map(|n| format!("x{n}")).collect();
    let many = |n: usize| names.iter().take(n).map(|name| (name.as_str(), ""));
    let get = Frame::request(1, "GET", LIVE, true);
    let head = |more: Vec<u8>| [get.payload.clone(), more].concat();
    // What fits.
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    frames.send([Frame { payload: head(block(many(1_000))), ..get.clone() }]).await?;
    assert!(frames.body(1).await?.contains("success"));
    // What fits into one frame, and not into the list: the connection lives.
    let large = format!("x{}", "a".repeat(3_900));
    let indexed = [&[0x40, 1, b'y'][..], &block([("", large.as_str())])[2..]].concat();
    let bomb = [indexed.clone(), vec![0xbe; 50]].concat();
    frames.send([Frame { stream: 3, payload: head(bomb), ..get.clone() }]).await?;
    let refused = frames.until(|frame| frame.stream == 3).await?;
    // ":status: 431" with the code of Huffman.
    let status = [0x83, 0x69, 0x90, 0xff];
    assert!(refused.kind == kind::HEADERS && refused.payload.windows(4).any(|part| part == status), "{refused:?}");
    assert_ne!(refused.flags & END_STREAM, 0, "{refused:?}");
    is_alive(&mut frames, 5).await?;
    // What is more than four times as long, a few bytes that stand for megabytes: the connection ends.
    let bomb = [indexed, vec![0xbe; 8_000]].concat();
    frames.send([Frame { stream: 7, payload: head(bomb), ..get.clone() }]).await.ok();
    let goaway = frames.until(|frame| frame.kind == kind::GOAWAY).await?;
    assert_eq!(goaway.number(4), ENHANCE_YOUR_CALM);
    // Frame after frame: more names than a map of headers takes, or bytes for ever.
    let more = block(many(30_000));
    for pieces in [more.chunks(16_000).map(<[u8]>::to_vec).collect(), vec![vec![0; 16_000]; 2_000]] {
        let mut frames = Frames::to(server.address(), &pair, &[]).await?;
        frames.send([Frame { flags: END_STREAM, ..get.clone() }]).await?;
        for piece in &pieces {
            if frames.send([Frame::new(kind::CONTINUATION, 0, 1, piece.clone())]).await.is_err() {
                break;
            }
        }
        frames.send([Frame::new(kind::CONTINUATION, END_HEADERS, 1, [])]).await.ok();
        frames.ended().await?;
        assert!(frames.age() < HEAD, "{:?}", frames.age());
    }
    has_not_panicked(&server);
    let peak = server.peak_memory()?;
    assert!(peak < 150 << 20, "{peak} bytes were resident");
    is_alive(&mut Frames::to(server.address(), &pair, &[]).await?, 1).await
}

#[tokio::test]
async fn client_that_resets_most_of_its_streams_is_disconnected() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let sent_away =
        |frames: Vec<Frame>| frames.iter().any(|f| f.kind == kind::GOAWAY && f.number(4) == ENHANCE_YOUR_CALM);
    // All at once, before anybody has looked at them.
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    let pair_of = |stream| [Frame::request(stream, "POST", LOGIN, false), Frame::reset(stream, CANCEL)];
    frames.send(streams().take(1_000).flat_map(pair_of)).await.ok();
    assert!(sent_away(frames.ended().await?));
    // One after the other, each when it has been begun.
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    let mut streams = streams();
    for stream in streams.by_ref().take(90) {
        frames.send([Frame::request(stream, "POST", LOGIN, false)]).await?;
        frames.is_heard().await?;
        frames.send([Frame::reset(stream, CANCEL)]).await?;
    }
    is_alive(&mut frames, streams.next().unwrap()).await?;
    let mut resets = 90;
    for stream in streams.take(1_000) {
        let reset = async {
            frames.send([Frame::request(stream, "POST", LOGIN, false)]).await?;
            frames.is_heard().await?;
            frames.send([Frame::reset(stream, CANCEL)]).await
        };
        if reset.await.is_err() {
            break;
        }
        resets += 1;
    }
    assert!((100..150).contains(&resets), "{resets} resets were borne with");
    has_not_panicked(&server);
    Ok(())
}

/// A client that opens no window for an answer.
#[tokio::test]
async fn unread_response_is_reset() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let mut frames = Frames::to(server.address(), &pair, &[(4, 0)]).await?;
    frames.send(streams().take(50).map(|stream| Frame::request(stream, "GET", LIVE, true))).await?;
    let began = Instant::now();
    let reset = frames.until(|frame| frame.kind == kind::RST_STREAM).await?;
    assert_eq!(reset.number(0), CANCEL);
    assert!(began.elapsed() > 25 * SECOND && began.elapsed() < 40 * SECOND, "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test]
async fn strange_targets_are_answered() -> Result<()> {
    let (server, pair, _folder) = Server::with_new_tls(&[]).await?;
    let mut frames = Frames::to(server.address(), &pair, &[]).await?;
    let mut streams = streams();
    for (method, path, code) in [
        ("OPTIONS", "*", ""),
        ("GET", "/%00", "not_found"),
        ("GET", "//health//live", "not_found"),
        ("BREW", LIVE, "not_implemented"),
    ] {
        let stream = streams.next().unwrap();
        frames.send([Frame::request(stream, method, path, true)]).await?;
        let body = frames.body(stream).await.with_context(|| format!("{method} {path}"))?;
        assert!(body.contains(code), "{method} {path}: {body}");
    }
    let stream = streams.next().unwrap();
    let connect = block([(":method", "CONNECT"), (":authority", "a:443")]);
    frames.send([Frame::new(kind::HEADERS, END_HEADERS, stream, connect)]).await?;
    let body = frames.body(stream).await?;
    assert!(body.contains("not_found"), "{body}");
    // An answer to HEAD has no body, and yet an end.
    let stream = streams.next().unwrap();
    frames.send([Frame::request(stream, "HEAD", LIVE, true)]).await?;
    assert_eq!(frames.body(stream).await?, "");
    has_not_panicked(&server);
    Ok(())
}
