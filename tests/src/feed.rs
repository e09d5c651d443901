//! Live feeds, as their clients read them.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

use crate::Client;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A feed of server-sent events.
pub struct Sse {
    response: Response,
    unread: Vec<u8>,
}

/// What is between two empty lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// The `id:`.
    pub id: Option<String>,
    /// The `event:`.
    pub event: Option<String>,
    /// The `data:` as JSON; null if there is none.
    pub data: Value,
    /// The `retry:`.
    pub retry: Option<String>,
    /// Whether it has a comment.
    pub has_comment: bool,
}

impl Sse {
    /// Opens a feed: `query` begins with `?`, or is empty.
    pub async fn open(client: &Client, query: &str, last: Option<&str>) -> Result<Self> {
        let mut request = client.request(Method::GET, &format!("/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await?;
        ensure!(response.status() == 200, "{}", response.text().await?);
        let mut feed = Self { response, unread: Vec::new() };
        let first = feed.block().await?.context("it has ended")?;
        ensure!(first.retry.as_deref() == Some("2000"), "{first:?}");
        Ok(feed)
    }

    /// The events of an answer.
    pub fn of(response: Response) -> Self {
        Self { response, unread: Vec::new() }
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap_or_default())
    }

    /// The next block; `None` at the end of the feed.
    pub async fn block(&mut self) -> Result<Option<Block>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let text: Vec<u8> = self.unread.drain(..end + 2).collect();
                return parse(std::str::from_utf8(&text)?).map(Some);
            }
            let piece = timeout(PATIENCE, self.response.chunk()).await.context("nothing comes")?;
            match piece {
                Ok(Some(piece)) => self.unread.extend_from_slice(&piece),
                Ok(None) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next event; whatever else comes before it is skipped.
    pub async fn event(&mut self) -> Result<Value> {
        loop {
            let block = self.block().await?.context("the feed has ended")?;
            if !block.data.is_null() {
                ensure!(block.id.as_deref() == block.data["id"].as_str(), "{block:?}");
                ensure!(block.id.is_none() || block.event.as_deref() == block.data["type"].as_str(), "{block:?}");
                return Ok(block.data);
            }
        }
    }

    /// Waits for the end of the feed.
    pub async fn ended(&mut self) -> Result<()> {
        while self.block().await?.is_some() {}
        Ok(())
    }
}

fn parse(text: &str) -> Result<Block> {
    let mut block = Block::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.split_once(':').context("no field")? {
            ("", _) => block.has_comment = true,
            ("id", id) => block.id = Some(id.trim().to_owned()),
            ("event", event) => block.event = Some(event.trim().to_owned()),
            ("data", "") => {}
            ("data", data) => block.data = serde_json::from_str(data)?,
            ("retry", retry) => block.retry = Some(retry.trim().to_owned()),
            (other, _) => bail!("{other}"),
        }
    }
    Ok(block)
}

/// A feed by WebSocket.
pub struct Ws(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Ws {
    /// Opens a feed: `query` begins with `?`, or is empty.
    pub async fn open(client: &Client, query: &str) -> Result<Self> {
        Self::with(client, query, &[]).await.map_err(|status| anyhow::anyhow!("refused with {status}"))
    }

    /// The same with more headers; the status of the answer if it is refused.
    pub async fn with(client: &Client, query: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        Self::to(client, &format!("/ws{query}"), headers).await
    }

    /// The same for any path.
    pub async fn to(client: &Client, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let request = client.request(Method::GET, path).build().map_err(|_| 0_u16)?;
        let url = request.url().as_str().replacen("http", "ws", 1);
        let mut upgrade = url.into_client_request().map_err(|_| 0_u16)?;
        if let Some(token) = request.headers().get("authorization") {
            let token = HeaderValue::from_bytes(token.as_bytes()).map_err(|_| 0_u16)?;
            upgrade.headers_mut().insert("authorization", token);
        }
        for (name, value) in headers {
            upgrade.headers_mut().insert(*name, HeaderValue::from_str(value).map_err(|_| 0_u16)?);
        }
        match connect_async(upgrade).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(_) => Err(0),
        }
    }

    /// Sends a text.
    pub async fn say(&mut self, text: impl Into<String>) -> Result<()> {
        Ok(self.0.send(Message::text(text.into())).await?)
    }

    /// Sends any message.
    pub async fn send(&mut self, message: Message) -> Result<()> {
        Ok(self.0.send(message).await?)
    }

    /// Follows something else; the answer is awaited, and what comes before it is thrown away.
    pub async fn subscribe(&mut self, mut what: Value) -> Result<()> {
        what["type"] = json!("subscribe");
        self.say(what.to_string()).await?;
        while self.next().await? != json!({"type": "subscribed"}) {}
        Ok(())
    }

    /// The next text as JSON.
    pub async fn next(&mut self) -> Result<Value> {
        self.event().await?.map_err(|code| anyhow::anyhow!("closed with {code}"))
    }

    /// The next text as JSON, or the code of the close frame.
    pub async fn event(&mut self) -> Result<Result<Value, u16>> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.context("nothing comes")?;
            match message.context("the connection is closed")?? {
                Message::Text(text) => return Ok(Ok(serde_json::from_str(&text)?)),
                Message::Close(Some(CloseFrame { code, .. })) => return Ok(Err(code.into())),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("{other:?}"),
            }
        }
    }

    /// Waits for the close frame, and returns its code. What comes before it is thrown away.
    pub async fn closed(&mut self) -> Result<u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.context("nothing comes")? {
                Some(Ok(Message::Close(Some(CloseFrame { code, .. })))) => return Ok(code.into()),
                Some(Ok(Message::Close(None))) => bail!("closed without a code"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => bail!("closed without a frame"),
            }
        }
    }
}
