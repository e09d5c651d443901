//! HTTP as bytes, for what no client library would send.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::Value;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Far longer than the server lets anything take.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connection on which anything can be said.
pub struct Wire {
    stream: TcpStream,
    began: Instant,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Bare {
    /// The status.
    pub status: u16,
    /// The head, in lower case, without the line of the status.
    pub head: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Bare {
    /// Whether the server says that it will close.
    pub fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, began: Instant::now() })
    }

    /// How long it has been open.
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says it all at once.
    ///
    /// # Errors
    /// If the server has hung up.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.stream.write_all(bytes.as_ref()).await?)
    }

    /// Says a byte every so often, until all is said or something comes back.
    ///
    /// # Errors
    /// If the connection breaks in a way that the server has not answered for.
    pub async fn trickle(&mut self, bytes: impl AsRef<[u8]>, every: Duration) -> Result<()> {
        for byte in bytes.as_ref() {
            if timeout(every, self.stream.peek(&mut [0])).await.is_ok() {
                return Ok(());
            }
            if self.stream.write_all(&[*byte]).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads an answer with its body.
    ///
    /// # Errors
    /// If it does not come whole.
    pub async fn answer(&mut self) -> Result<Bare> {
        timeout(PATIENCE, self.read()).await.context("no answer came")?
    }

    async fn read(&mut self) -> Result<Bare> {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            text.push(self.stream.read_u8().await.with_context(|| String::from_utf8_lossy(&text).into_owned())?);
        }
        let text = String::from_utf8(text)?.to_lowercase();
        let (line, head) = text.split_once("\r\n").context("no head")?;
        let status = line.split(' ').nth(1).context("no status")?.parse()?;
        let head = format!("\r\n{head}");
        let length = head.split("\r\ncontent-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.map_or(Ok(0), str::parse)?];
        self.stream.read_exact(&mut body).await?;
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok(Bare { status, head, body: serde_json::from_str(&text).unwrap_or_default(), text })
    }

    /// Waits until the server has hung up; returns what it said before. A reset is a way to hang up.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ended(&mut self) -> Result<String> {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.context("the server does not hang up")?.ok();
        Ok(String::from_utf8_lossy(&rest).into_owned())
    }

    /// Resets the connection, without an orderly close, as when the client's process or network is gone.
    ///
    /// # Errors
    /// If the system does not know of that.
    pub fn vanish(self) -> Result<()> {
        Ok(SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?)
    }

    /// The socket itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }
}
