//! TLS: handshakes, and certificates that are changed while the server runs.

mod certificates;

use std::{io, sync::Arc};

use actix_http::Protocol;
use rustls::{ServerConfig, crypto::aws_lc_rs};
use tokio::{
    io::{AsyncWriteExt, copy, sink},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use self::certificates::{Certificates, TlsMistake};
use super::{
    connection::{HEAD, LINGER},
    refusal,
};
use crate::HttpState;

/// The first byte of every TLS connection: a record of the kind handshake (RFC 8446 5.1).
const HANDSHAKE: u8 = 22;

/// The protocols that clients may choose from, the best first.
const H2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// Makes handshakes.
#[derive(Clone)]
pub(super) struct Handshakes(TlsAcceptor);

impl Handshakes {
    pub(super) fn new(certificates: &Arc<Certificates>) -> io::Result<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificates.clone());
        config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// The stream within, and what is spoken on it. None if it does not come about; who speaks plain HTTP is told so.
    pub(super) async fn with(&self, stream: TcpStream, state: &HttpState) -> Option<(TlsStream<TcpStream>, Protocol)> {
        match timeout(HEAD, self.attempt(stream, state)).await {
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
        state: &HttpState,
    ) -> io::Result<Option<(TlsStream<TcpStream>, Protocol)>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
            if first[0].is_ascii_uppercase() {
                stream.write_all(&refusal::no_tls(state)).await?;
                stream.shutdown().await?;
                // To close on what is unread would take the answer back.
                timeout(LINGER, copy(&mut stream, &mut sink())).await.ok();
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
