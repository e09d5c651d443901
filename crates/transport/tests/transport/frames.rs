//! A client that sends HTTP/2 as frames (RFC 9113).

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{client::READ_TIMEOUT, server::TestServer};

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// The head of a request with additional fields.
    pub(crate) fn request(stream: u32, method: &str, path: &str, ends: bool, more: &[(&str, &str)]) -> Self {
        let pseudo = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "a")];
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        Self::new(HEADERS, flags, stream, block(&[&pseudo[..], more].concat()))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// The number at an offset of the payload.
    pub(crate) fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// Fields encoded with HPACK, without table and Huffman code (RFC 7541 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| {
        assert!(text.len() < 127, "a length of one byte");
        [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    };
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

/// A connection on which any frames can be sent.
pub(crate) struct Frames(TlsStream<TcpStream>);

impl Frames {
    /// Connects, and sends the preface with settings.
    pub(crate) async fn connect(server: &TestServer, settings: &[(u16, u32)]) -> Self {
        let mut frames = Self::handshake(server).await;
        frames.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        let settings = settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        frames.send(&[Frame::new(SETTINGS, 0, 0, settings.collect::<Vec<_>>())]).await;
        frames.until(|frame| frame.kind == SETTINGS && frame.flags == 0).await;
        frames.send(&[Frame::new(SETTINGS, END_STREAM, 0, [])]).await;
        frames
    }

    /// Connects, and sends nothing.
    pub(crate) async fn handshake(server: &TestServer) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate = server.certificate.as_ref().unwrap();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(server.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::IpAddress(server.address.ip().into());
        Self(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// Sends frames; false if the server does not read any more.
    pub(crate) async fn send(&mut self, frames: &[Frame]) -> bool {
        let bytes: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        self.say(&bytes).await
    }

    async fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// The next frame; `None` when the server has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        timeout(READ_TIMEOUT, self.read()).await.expect("no frame came")
    }

    /// The next frame that satisfies a condition.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        let mut passed = Vec::new();
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("ended after {passed:?}"));
            if wanted(&frame) {
                return frame;
            }
            passed.push((frame.kind, frame.stream, frame.flags));
        }
    }

    /// The head of the response on a stream.
    pub(crate) async fn head(&mut self, stream: u32) -> Frame {
        let frame = self.until(|frame| frame.stream == stream && matches!(frame.kind, HEADERS | RST_STREAM)).await;
        assert_eq!(frame.kind, HEADERS, "it was reset: {frame:?}");
        frame
    }

    /// The body of the response on a stream.
    pub(crate) async fn body(&mut self, stream: u32) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let frame = self.until(|frame| frame.stream == stream && frame.kind != WINDOW_UPDATE).await;
            assert_ne!(frame.kind, RST_STREAM, "it was reset: {frame:?}");
            if frame.kind == DATA {
                body.extend(&frame.payload);
                let window = u32::try_from(frame.payload.len()).unwrap();
                if window > 0 && frame.flags & END_STREAM == 0 {
                    let update = |stream| Frame::new(WINDOW_UPDATE, 0, stream, window.to_be_bytes());
                    self.send(&[update(0), update(stream)]).await;
                }
            }
            if frame.flags & END_STREAM != 0 {
                return body;
            }
        }
    }

    /// All frames until the server closes the connection.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Waits until the server has read everything.
    pub(crate) async fn ping(&mut self) {
        self.send(&[Frame::new(PING, 0, 0, *b"anybody?")]).await;
        self.until(|frame| frame.kind == PING && frame.flags == END_STREAM).await;
    }

    /// Asserts that a request is answered.
    pub(crate) async fn is_alive(&mut self, stream: u32) {
        self.send(&[Frame::request(stream, "GET", "/live", true, &[])]).await;
        assert_eq!(self.body(stream).await, b"alive");
    }
}
