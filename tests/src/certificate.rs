//! Certificates of their own, for servers with TLS.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use reqwest::Certificate;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tempfile::TempDir;

use crate::Server;

/// Far longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for this machine and its key, which it signed itself.
pub struct Pair {
    /// In PEM.
    pub certificate: String,
    /// In PEM.
    pub key: String,
}

impl Pair {
    /// A new one, which is good for longer than anybody lives.
    pub fn new() -> Result<Self> {
        Self::until(2999)
    }

    /// A new one, which is good until a year begins.
    pub fn until(year: i32) -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])?;
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        Ok(Self { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
    }

    /// Writes both into a folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::write(folder.join("cert.pem"), &self.certificate)?;
        Ok(fs::write(folder.join("key.pem"), &self.key)?)
    }

    /// A client that trusts this certificate and no other, each time on a connection of its own.
    pub fn client(&self) -> Result<reqwest::Client> {
        let trusted = Certificate::from_pem(self.certificate.as_bytes())?;
        Ok(reqwest::Client::builder().tls_certs_only([trusted]).timeout(PATIENCE).build()?)
    }

    /// What is needed to shake hands with who has this certificate, and to speak one protocol, such as `h2`.
    pub fn handshake(&self, protocol: &str) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.certificate.as_bytes())?)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        Ok(Arc::new(config))
    }
}

impl Server {
    /// Starts a server with the certificate and the key that are in a folder, `cert.pem` and `key.pem`.
    pub async fn with_tls(folder: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let path = "a path that is no UTF-8";
        let files = [("TLS_CERT", certificate.to_str().context(path)?), ("TLS_KEY", key.to_str().context(path)?)];
        Self::start(&[&files, settings].concat()).await
    }

    /// The same with a new certificate; the folder is to be kept as long as the server.
    pub async fn with_new_tls(settings: &[(&str, &str)]) -> Result<(Self, Pair, TempDir)> {
        let (pair, folder) = (Pair::new()?, TempDir::new()?);
        pair.write(folder.path())?;
        Ok((Self::with_tls(folder.path(), settings).await?, pair, folder))
    }
}
