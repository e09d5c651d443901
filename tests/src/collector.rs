//! A minimal collector of traces: OTLP over HTTP.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span as Told,
};
use prost::Message;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How long spans may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// A span that was received.
#[derive(Debug, Clone)]
pub struct Span {
    /// Which trace it is part of, in hexadecimal.
    pub trace: String,
    /// Its name in the trace, in hexadecimal.
    pub id: String,
    /// That of the span around it; empty if there is none.
    pub parent: String,
    /// What it is called.
    pub name: String,
    /// 1 is inside, 2 a server's, 3 a client's.
    pub kind: i32,
    /// Whether it failed.
    pub failed: bool,
    /// The traces of the spans that it points to.
    pub links: Vec<String>,
    /// What else is told of it, as text.
    pub attributes: Vec<(String, String)>,
}

impl Span {
    /// An attribute; empty if there is none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl From<Told> for Span {
    fn from(told: Told) -> Self {
        let text = |value: Option<Value>| match value {
            Some(Value::StringValue(text)) => text,
            Some(other) => format!("{other:?}"),
            None => String::new(),
        };
        let attributes = told.attributes.into_iter();
        Self {
            trace: hex(&told.trace_id),
            id: hex(&told.span_id),
            parent: hex(&told.parent_span_id),
            name: told.name,
            kind: told.kind,
            failed: told.status.is_some_and(|status| status.code == 2),
            links: told.links.iter().map(|link| hex(&link.trace_id)).collect(),
            attributes: attributes.map(|one| (one.key, text(one.value.and_then(|value| value.value)))).collect(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| char::from_digit(half.into(), 16)).collect()
}

/// Collects until it is dropped.
pub struct Collector {
    url: String,
    told: Arc<Mutex<Vec<Span>>>,
    serving: JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Collector {
    /// Starts to collect, on a port of its own.
    ///
    /// # Errors
    /// If there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let told = Arc::<Mutex<Vec<Span>>>::default();
        let kept = Arc::clone(&told);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move { serve(stream, &kept).await.ok() });
            }
        });
        Ok(Self { url, told, serving })
    }

    /// Where it collects: what `OTEL_EXPORTER_OTLP_ENDPOINT` has to be.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All that was told until now.
    pub fn spans(&self) -> Vec<Span> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `found` finds what it looks for; fails if it never does.
    ///
    /// # Errors
    /// It was not told in time.
    pub async fn until<T>(&self, found: impl Fn(&[Span]) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            let spans = self.spans();
            if let Some(found) = found(&spans) {
                return Ok(found);
            }
            ensure!(begun.elapsed() < PATIENCE, "it was not told: {spans:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Reads requests as they come over one connection, and says to each that all is well.
async fn serve(stream: TcpStream, told: &Mutex<Vec<Span>>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        let mut is_first = true;
        loop {
            line.clear();
            ensure!(stream.read_line(&mut line).await? > 0, "it is over");
            ensure!(!is_first || line.starts_with("POST /v1/traces HTTP/1.1"), "{line}");
            is_first = false;
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().context("a length")?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let request = ExportTraceServiceRequest::decode(body.as_slice())?;
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).map(Span::from);
        told.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")
            .await?;
    }
}
