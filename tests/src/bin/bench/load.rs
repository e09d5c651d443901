//! A load on keep-alive connections, without a client's library in between: what is measured is the server.
//!
//! One thread sends and receives on all connections, each for itself, as wrk does. More threads would only take the
//! server's place on the processor.

use std::{
    cell::Cell,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime,
};

/// How much of an answer is read at once; most are shorter.
const CHUNK: usize = 16 * 1024;

/// What a load did.
pub(crate) struct Load {
    /// How many requests were answered.
    pub requests: u32,
    /// How many of them with another status than was asked for.
    pub refused: u32,
    /// How long it took.
    pub took: Duration,
    /// The median of the response times.
    pub p50: Duration,
    /// Of a hundred answers, one took longer.
    pub p99: Duration,
}

/// How long a load goes on.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    /// So many requests on each connection.
    Requests(usize),
    /// So long.
    Time(Duration),
}

/// Sends a load on so many connections, each of which has a request under way at any time; `request(n)` makes the bytes
/// of the request with that number, counted over all connections.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    length: Length,
    expected: u16,
    request: impl Fn(usize) -> Vec<u8> + Send,
) -> Result<Load> {
    // A thread of its own, because the caller's may belong to another runtime.
    let answers = thread::scope(|scope| {
        let load = scope.spawn(|| -> Result<_> {
            let client = Client { address, expected, length, begun: Instant::now(), next: Cell::new(0), request };
            let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
            let answers = runtime.block_on(try_join_all((0..connections).map(|_| client.send_all())))?;
            Ok((answers, client.begun.elapsed()))
        });
        load.join().map_err(|_| anyhow::anyhow!("the load panicked"))?
    });
    let (answers, took) = answers?;
    let refused = answers.iter().map(|(refused, _)| refused).sum();
    let mut times: Vec<Duration> = answers.into_iter().flat_map(|(_, times)| times).collect();
    times.sort_unstable();
    let percentile = |percent| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    Ok(Load { requests: u32::try_from(times.len())?, refused, took, p50: percentile(50), p99: percentile(99) })
}

struct Client<R> {
    address: SocketAddr,
    expected: u16,
    length: Length,
    begun: Instant,
    /// The number of the next request.
    next: Cell<usize>,
    request: R,
}

impl<R: Fn(usize) -> Vec<u8>> Client<R> {
    /// Sends one request after the other on a connection; returns how many were refused, and the response times.
    async fn send_all(&self) -> Result<(u32, Vec<Duration>)> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(CHUNK);
        let (mut refused, mut times) = (0, Vec::new());
        while self.goes_on(times.len()) {
            let request = (self.request)(self.next.replace(self.next.get() + 1));
            let sent = Instant::now();
            stream.write_all(&request).await?;
            let status = answer(&mut stream, &mut buffer).await?;
            times.push(sent.elapsed());
            refused += u32::from(status != self.expected);
        }
        Ok((refused, times))
    }

    fn goes_on(&self, answered: usize) -> bool {
        match self.length {
            Length::Requests(count) => answered < count,
            Length::Time(time) => self.begun.elapsed() < time,
        }
    }
}

/// Reads one answer and returns its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    loop {
        buffer.reserve(CHUNK);
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server hung up");
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(begin) = head.parse(buffer)? else { continue };
        let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length: usize =
            length.map_or(Ok(0), |header| std::str::from_utf8(header.value)?.parse().context("length"))?;
        let status = head.code.context("no status")?;
        if buffer.len() >= begin + length {
            return Ok(status);
        }
    }
}
