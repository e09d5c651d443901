//! A load on keep-alive connections, without a client's library in between: what is measured is the server.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// What a load did.
pub(crate) struct Load {
    /// How many requests were answered.
    pub requests: u32,
    /// How many of them with another status than was asked for.
    pub refused: u32,
    /// How long it took.
    pub took: Duration,
    /// What the slowest of a hundred waited.
    pub p99: Duration,
}

/// Who sends a load.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    /// All of them have a request under way at any time.
    pub connections: usize,
    /// Each takes its share of the connections in turn. For answers that come at once one is enough, as it is for `wrk`:
    /// more of them only take the server's place on the processor. For answers that take their time there should be as
    /// many as connections, so that none waits behind another.
    pub threads: usize,
    /// How many requests each connection sends.
    pub count: usize,
}

/// Sends a load; `request(connection, n)` makes the bytes of each request.
pub(crate) fn run(
    address: SocketAddr,
    crowd: Crowd,
    expected: u16,
    request: impl Fn(usize, usize) -> Vec<u8> + Sync,
) -> Result<Load> {
    let request = &request;
    let begun = Instant::now();
    let answers = thread::scope(|scope| {
        let threads: Vec<_> = (0..crowd.threads)
            .map(|first| {
                let mine = (first..crowd.connections).step_by(crowd.threads);
                scope.spawn(move || take_turns(address, mine, crowd.count, expected, request))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a client panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    let took = begun.elapsed();
    let refused = answers.iter().map(|(refused, _)| refused).sum();
    let mut waits: Vec<Duration> = answers.into_iter().flat_map(|(_, waits)| waits).collect();
    waits.sort_unstable();
    let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or_default();
    Ok(Load { requests: u32::try_from(waits.len())?, refused, took, p99 })
}

struct Connection {
    number: usize,
    stream: TcpStream,
    sent: Instant,
}

impl Connection {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.sent = Instant::now();
        Ok(self.stream.write_all(bytes)?)
    }
}

/// Reads the answer of one connection after the other, and sends the next request on each at once.
fn take_turns(
    address: SocketAddr,
    numbers: impl Iterator<Item = usize>,
    count: usize,
    expected: u16,
    request: &impl Fn(usize, usize) -> Vec<u8>,
) -> Result<(u32, Vec<Duration>)> {
    let connect = |number| {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection { number, stream, sent: Instant::now() })
    };
    let mut connections = numbers.map(connect).collect::<Result<Vec<_>>>()?;
    for connection in &mut connections {
        connection.send(&request(connection.number, 0))?;
    }
    let mut buffer = vec![0; 256 * 1024];
    let (mut refused, mut waits) = (0, Vec::with_capacity(count * connections.len()));
    for next in 1..=count {
        for connection in &mut connections {
            if answer(&mut connection.stream, &mut buffer)? != expected {
                refused += 1;
            }
            waits.push(connection.sent.elapsed());
            if next < count {
                connection.send(&request(connection.number, next))?;
            }
        }
    }
    Ok((refused, waits))
}

/// Reads one answer and returns its status.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<u16> {
    let mut read = 0;
    loop {
        let more = stream.read(buffer.get_mut(read..).context("no room")?)?;
        if more == 0 {
            bail!("the server hung up");
        }
        read += more;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(begin) = head.parse(buffer.get(..read).context("no room")?)? else { continue };
        let length = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length: usize =
            length.map_or(Ok(0), |header| std::str::from_utf8(header.value)?.parse().context("length"))?;
        let status = head.code.context("no status")?;
        if begin + length > buffer.len() {
            bail!("an answer of {length} bytes is too long for this load");
        }
        if read >= begin + length {
            return Ok(status);
        }
    }
}
