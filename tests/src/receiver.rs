//! A receiver of webhooks.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

/// How long a delivery may take to arrive: longer than a lease.
const PATIENCE: Duration = Duration::from_secs(45);

/// A delivery that was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// When.
    pub at: Instant,
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signatures: String,
    /// The body.
    pub body: String,
}

impl Received {
    /// The body as JSON.
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// With this status, and these words.
    Status(u16, &'static str),
    /// With this status and header.
    Header(u16, String),
    /// Not at all; the connection stays open.
    Nothing,
    /// By closing the connection.
    Close,
    /// With a 200 whose body has no end.
    Endless,
}

/// A receiver of webhooks on a port of its own.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Starts one. `reply` says how the delivery with this number, from 0 on, is answered.
    pub async fn start(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let (kept, reply) = (received.clone(), Arc::new(reply));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, kept.clone(), reply.clone()));
            }
        });
        Ok(Self { address, received, task })
    }

    /// One that answers everything with 200.
    pub async fn willing() -> Result<Self> {
        Self::start(|_| Reply::Status(200, "thanks")).await
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook?a=b", self.address)
    }

    /// What was received so far.
    pub fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many deliveries were received, and returns all.
    pub async fn wait_for(&self, count: usize) -> Result<Vec<Received>> {
        let begun = Instant::now();
        loop {
            let all = self.all();
            if all.len() >= count {
                return Ok(all);
            }
            ensure!(begun.elapsed() < PATIENCE, "{} of {count} deliveries came", all.len());
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Answers the requests of a connection.
async fn serve(
    socket: TcpStream,
    received: Arc<Mutex<Vec<Received>>>,
    reply: Arc<dyn Fn(usize) -> Reply + Send + Sync>,
) -> Result<()> {
    let mut socket = BufReader::new(socket);
    while let Some(one) = read(&mut socket).await? {
        let number = {
            let mut all = received.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(one);
            all.len() - 1
        };
        let head = |status: u16| format!("HTTP/1.1 {status} Whatever\r\n");
        match reply(number) {
            Reply::Status(status, words) => {
                let text = format!("{}content-length: {}\r\n\r\n{words}", head(status), words.len());
                socket.write_all(text.as_bytes()).await?;
            }
            Reply::Header(status, header) => {
                let text = format!("{}{header}\r\ncontent-length: 0\r\n\r\n", head(status));
                socket.write_all(text.as_bytes()).await?;
            }
            Reply::Nothing => {
                socket.read_to_end(&mut Vec::new()).await?;
            }
            Reply::Close => return Ok(()),
            Reply::Endless => {
                socket.write_all(format!("{}transfer-encoding: chunked\r\n\r\n", head(200)).as_bytes()).await?;
                while socket.write_all(b"5\r\nmore \r\n").await.is_ok() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    Ok(())
}

/// Reads a request; `None` at the end of the connection.
async fn read(socket: &mut BufReader<TcpStream>) -> Result<Option<Received>> {
    let (mut length, mut first) = (0, true);
    let mut one = Received {
        at: Instant::now(),
        id: String::new(),
        timestamp: 0,
        signatures: String::new(),
        body: String::new(),
    };
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if std::mem::take(&mut first) {
            one.at = Instant::now();
            ensure!(line == "POST /hook?a=b HTTP/1.1", "{line}");
            continue;
        }
        let (name, value) = line.split_once(": ").context("no header")?;
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut one.id),
            "webhook-timestamp" => one.timestamp = value.parse()?,
            "webhook-signature" => value.clone_into(&mut one.signatures),
            "content-length" => length = value.parse()?,
            "content-type" => ensure!(value == "application/json", "{value}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    one.body = String::from_utf8(body)?;
    Ok(Some(one))
}
