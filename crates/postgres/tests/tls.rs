//! TLS to the server, as `sslmode` says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::path::PathBuf;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::client;
use entrepot_postgres::{PostgresOptions, pending_migrations};
use entrepot_testkit::Postgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// A certificate authority, and a server whose certificate is for `localhost` only.
struct Encrypted {
    server: Postgres,
    folder: TempDir,
}

impl Encrypted {
    async fn start() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let stranger = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(folder.path().join("stranger.pem"), stranger.pem()).unwrap();

        let server = Postgres::start().await.unwrap();
        let admin = client(&server.url("postgres")).await;
        // The server writes them into its own folder, for its own user.
        for (file, content) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())] {
            let content = BASE64_STANDARD.encode(content);
            let write = format!("COPY (SELECT '{content}') TO PROGRAM 'base64 -d > {file} && chmod 600 {file}'");
            admin.batch_execute(&write).await.unwrap();
        }
        admin.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let encrypted = Self { server, folder };
        encrypted.until_it_speaks_tls().await;
        encrypted
    }

    /// The configuration is reloaded some time after the request.
    async fn until_it_speaks_tls(&self) {
        for _ in 0..500 {
            if self.try_with("localhost", "require", None).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the server does not speak TLS: {:?}", self.try_with("localhost", "require", None).await);
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects with a host name, a mode and a file of authorities.
    async fn try_with(&self, host: &str, mode: &str, roots: Option<&str>) -> Result<(), String> {
        let url = self.server.url("postgres").replace("127.0.0.1", host).replace("sslmode=disable", "");
        let roots = roots.map(|file| format!("&sslrootcert={}", self.file(file).display())).unwrap_or_default();
        let options = PostgresOptions::parse(&format!("{url}sslmode={mode}{roots}")).unwrap();
        let done = spawn_blocking(move || pending_migrations(&options)).await.unwrap();
        done.map(drop).map_err(|why| format!("{why:#}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sslmode_checks_what_it_promises() {
    let server = Encrypted::start().await;
    for (host, mode, roots, good) in [
        ("127.0.0.1", "disable", None, true),
        ("127.0.0.1", "prefer", None, true),
        ("127.0.0.1", "require", None, true),
        ("127.0.0.1", "verify-ca", Some("ca.pem"), true),
        ("127.0.0.1", "verify-ca", Some("stranger.pem"), false),
        ("127.0.0.1", "verify-ca", None, false),
        ("localhost", "verify-full", Some("ca.pem"), true),
        ("localhost", "verify-full", Some("stranger.pem"), false),
        ("127.0.0.1", "verify-full", Some("ca.pem"), false),
    ] {
        let done = server.try_with(host, mode, roots).await;
        assert_eq!(done.is_ok(), good, "{host} {mode} {roots:?}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_not_given_up_silently() {
    let plain = Encrypted { server: Postgres::start().await.unwrap(), folder: TempDir::new().unwrap() };
    plain.try_with("127.0.0.1", "prefer", None).await.unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        let why = plain.try_with("127.0.0.1", mode, None).await.unwrap_err();
        assert!(!why.contains("SCRAM") && !why.is_empty(), "{mode}: {why}");
    }
}
