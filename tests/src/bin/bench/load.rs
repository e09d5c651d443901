//! A load on keep-alive connections, one thread each, without a library in between: what is measured is the server.

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

/// Sends `count` requests on each of `connections`; `request(connection, n)` makes the bytes of each.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    count: usize,
    expected: u16,
    request: impl Fn(usize, usize) -> Vec<u8> + Sync,
) -> Result<Load> {
    let begun = Instant::now();
    let answers = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|connection| {
                let request = &request;
                scope.spawn(move || one(address, count, expected, |n| request(connection, n)))
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

fn one(
    address: SocketAddr,
    count: usize,
    expected: u16,
    request: impl Fn(usize) -> Vec<u8>,
) -> Result<(u32, Vec<Duration>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 256 * 1024];
    let (mut refused, mut waits) = (0, Vec::with_capacity(count));
    for n in 0..count {
        let bytes = request(n);
        let sent = Instant::now();
        stream.write_all(&bytes)?;
        if answer(&mut stream, &mut buffer)? != expected {
            refused += 1;
        }
        waits.push(sent.elapsed());
    }
    Ok((refused, waits))
}

/// Reads one answer and returns its status.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<u16> {
    let mut read = 0;
    loop {
        let space = buffer.get_mut(read..).context("no room")?;
        let more = stream.read(space)?;
        if more == 0 {
            bail!("the server hung up");
        }
        read += more;
        let bytes = buffer.get(..read).context("no room")?;
        let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(bytes.get(..head).context("no head")?)?;
        let length: usize = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse()))
            .transpose()?
            .unwrap_or_default();
        if head + 4 + length > buffer.len() {
            bail!("an answer of {length} bytes is too long for this load");
        }
        if read >= head + 4 + length {
            let status = text.split(' ').nth(1).context("no status")?;
            return Ok(status.parse()?);
        }
    }
}
