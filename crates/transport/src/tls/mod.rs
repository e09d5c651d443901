//! TLS: handshakes, and certificates that are reloaded.

mod certificates;

use std::{io, sync::Arc, time::Duration};

use http::HeaderValue;
use rustls::{ServerConfig, crypto::aws_lc_rs};
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use self::certificates::{CertificateError, Certificates};
use crate::{refusal::Refusal, timeouts::Timeouts};

/// The first byte of every TLS connection: a handshake record (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;

/// The ALPN protocols, in order of preference.
const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Accepts handshakes.
#[derive(Clone)]
pub(crate) struct Handshakes(TlsAcceptor);

impl Handshakes {
    pub(crate) fn new(certificates: &Arc<Certificates>) -> io::Result<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Returns the TLS stream and its protocol; `None` if the handshake fails. A client that sends plain HTTP gets a
    /// refusal.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        timeouts: Timeouts,
        date: HeaderValue,
    ) -> Option<(TlsStream<TcpStream>, Protocol)> {
        match timeout(timeouts.head, self.attempt(stream, timeouts.linger, date)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        }
    }

    async fn attempt(
        &self,
        mut stream: TcpStream,
        linger: Duration,
        date: HeaderValue,
    ) -> io::Result<Option<(TlsStream<TcpStream>, Protocol)>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
            if first[0].is_ascii_uppercase() {
                stream.write_all(&Refusal::PlainHttp.http1(&date)).await?;
                stream.shutdown().await?;
                // Closing with unread bytes would discard the response.
                timeout(linger, copy(&mut stream, &mut sink())).await.ok();
            }
            return Ok(None);
        }
        let stream = self.0.accept(stream).await?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(H2) => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok(Some((stream, protocol)))
    }
}
