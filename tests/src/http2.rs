//! HTTP/2 as frames, for what no client library would send (RFC 9113).

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::Pair;

/// Far longer than the server lets anything take.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames.
pub mod kind {
    #![allow(missing_docs, reason = "their names are those of RFC 9113")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Nothing more comes on this stream; of a `PING` or `SETTINGS`, that it was received.
pub const END_STREAM: u8 = 1;
/// The head is whole.
pub const END_HEADERS: u8 = 4;

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// What it says beside its payload.
    pub flags: u8,
    /// Of which stream it is; 0 is the connection.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// A frame.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// The head of a request, whole.
    pub fn request(stream: u32, method: &str, path: &str, ends: bool) -> Self {
        let more = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "a")];
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        Self::new(kind::HEADERS, flags, stream, block(more))
    }

    /// Resets a stream, or says that it was reset, for a reason.
    pub fn reset(stream: u32, reason: u32) -> Self {
        Self::new(kind::RST_STREAM, 0, stream, reason.to_be_bytes())
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX).to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// The last four bytes of a number that stands at a place of the payload, such as the reason of a reset.
    pub fn number(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(u32::MAX, u32::from_be_bytes)
    }
}

/// Fields as HPACK has them (RFC 7541), each by itself: no table, no Huffman code.
pub fn block<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let text = |text: &str| [length(text.len()), text.as_bytes().to_vec()].concat();
    fields.into_iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A length with a prefix of seven bits (RFC 7541 5.1).
fn length(of: usize) -> Vec<u8> {
    let Some(mut rest) = of.checked_sub(127) else { return vec![u8::try_from(of).unwrap_or_default()] };
    let mut bytes = vec![127];
    while rest >= 128 {
        bytes.push(u8::try_from(rest % 128).unwrap_or_default() | 128);
        rest /= 128;
    }
    bytes.push(u8::try_from(rest).unwrap_or_default());
    bytes
}

/// A connection on which any frames can be sent.
pub struct Frames {
    stream: TlsStream<TcpStream>,
    began: Instant,
}

impl Frames {
    /// Connects and shakes hands, to speak `h2` or another protocol, and says nothing more.
    pub async fn handshake(address: SocketAddr, pair: &Pair, protocol: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(address.ip().into());
        let stream = TlsConnector::from(pair.handshake(protocol)?).connect(name, stream).await?;
        Ok(Self { stream, began: Instant::now() })
    }

    /// The same, with the preface and settings, each an identifier and a value.
    pub async fn to(address: SocketAddr, pair: &Pair, settings: &[(u16, u32)]) -> Result<Self> {
        let mut frames = Self::handshake(address, pair, "h2").await?;
        frames.say(PREFACE).await?;
        let settings = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        frames.send([Frame::new(kind::SETTINGS, 0, 0, settings.collect::<Vec<_>>())]).await?;
        Ok(frames)
    }

    /// How long it has been open.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says it all at once.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends frames, all at once.
    pub async fn send(&mut self, frames: impl IntoIterator<Item = Frame>) -> Result<()> {
        self.say(frames.into_iter().flat_map(|frame| frame.bytes()).collect::<Vec<_>>()).await
    }

    /// The next frame.
    pub async fn next(&mut self) -> Result<Frame> {
        timeout(PATIENCE, self.read()).await.context("no frame came")?
    }

    async fn read(&mut self) -> Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c]))?];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame for which this is so; what comes before it is passed over.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Result<Frame> {
        let mut passed = Vec::new();
        loop {
            let frame = self.next().await.with_context(|| format!("after {passed:?}"))?;
            if wanted(&frame) {
                return Ok(frame);
            }
            passed.push((frame.kind, frame.stream));
        }
    }

    /// The body of the answer on a stream, which must come whole.
    pub async fn body(&mut self, stream: u32) -> Result<String> {
        let mut body = Vec::new();
        loop {
            let frame = self.until(|frame| frame.stream == stream && frame.kind != kind::WINDOW_UPDATE).await?;
            ensure!(frame.kind != kind::RST_STREAM, "it was reset: {}", frame.number(0));
            if frame.kind == kind::DATA {
                body.extend(frame.payload);
            }
            if frame.flags & END_STREAM != 0 {
                return Ok(String::from_utf8(body)?);
            }
        }
    }

    /// Waits until the server has read all that was said.
    pub async fn is_heard(&mut self) -> Result<()> {
        self.send([Frame::new(kind::PING, 0, 0, *b"anybody?")]).await?;
        self.until(|frame| frame.kind == kind::PING && frame.flags == END_STREAM).await?;
        Ok(())
    }

    /// Waits until the server has hung up; returns the frames that it sent before. A reset is a way to hang up.
    pub async fn ended(&mut self) -> Result<Vec<Frame>> {
        let reading = async {
            let mut frames = Vec::new();
            while let Ok(frame) = self.read().await {
                frames.push(frame);
            }
            frames
        };
        timeout(PATIENCE, reading).await.context("the server does not hang up")
    }
}
