//! `entrepot health`

use std::{fs, path::Path, time::Duration};

use reqwest::{Client, Response, redirect::Policy, tls::TlsInfo};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;

use super::{Failure, block_on, print_line};
use crate::config::Endpoint;

/// How long the answer may take. `/health/ready` waits for PostgreSQL for `DB_CONNECT_TIMEOUT` plus a second, which is
/// three seconds by default.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Which question the server is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe {
    /// Whether the process answers.
    Live,
    /// Whether it can do its work with what it depends on.
    Ready,
}

impl Probe {
    fn path(self) -> &'static str {
        match self {
            Self::Live => "/health/live",
            Self::Ready => "/health/ready",
        }
    }
}

pub(super) fn health(endpoint: &Endpoint, probe: Probe) -> Result<(), Failure> {
    let scheme = if endpoint.certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}{}", endpoint.local_address(), probe.path());
    block_on(ask(&url, endpoint))?.map_err(|why| Failure::Failed(format!("{url} {why}")))?;
    print_line(&format!("{url} answers that all is well"));
    Ok(())
}

/// Asks once; the error says what is wrong, worded to follow the address.
async fn ask(url: &str, endpoint: &Endpoint) -> Result<(), String> {
    // The certificate is made out to the names of the service, not to the address of this machine. So it is compared with
    // the file instead, but not on the loopback: there the server itself answers, perhaps still with the certificate that
    // the file had a second ago.
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(TIMEOUT)
        .tls_danger_accept_invalid_certs(true)
        .tls_info(true)
        .build()
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let answer = client.get(url).send().await.map_err(|error| explain(&error))?;
    if let Some(file) = endpoint.certificate.as_ref().filter(|_| !endpoint.local_address().ip().is_loopback()) {
        let shown = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        is_certificate_of(shown, file)?;
    }
    judge(answer).await
}

/// Checks that the certificate which a server has shown is the first one of a file.
fn is_certificate_of(shown: Option<&[u8]>, file: &Path) -> Result<(), String> {
    let name = file.display();
    let pem = fs::read(file).map_err(|error| format!("cannot be verified, since {name} cannot be read: {error}"))?;
    let expected = CertificateDer::from_pem_slice(&pem)
        .map_err(|error| format!("cannot be verified, since {name} is no certificate in PEM: {error}"))?;
    if shown == Some(&*expected) { Ok(()) } else { Err(format!("shows another certificate than that of {name}")) }
}

async fn judge(answer: Response) -> Result<(), String> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body: Value = answer.json().await.unwrap_or_default();
    let down = down(&body);
    let down = if down.is_empty() { String::new() } else { format!("; down: {}", down.join(", ")) };
    Err(format!("answers with the status {}{down}", status.as_u16()))
}

/// The names of the dependencies that `/health/ready` says are down.
fn down(body: &Value) -> Vec<&str> {
    let dependencies = body.pointer("/data/dependencies").and_then(Value::as_array);
    let down = dependencies.into_iter().flatten().filter(|one| one.get("status") == Some(&Value::from("down")));
    down.filter_map(|one| one.get("name")?.as_str()).collect()
}

fn explain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("does not answer within {} s", TIMEOUT.as_secs());
    }
    if error.is_connect() {
        return "cannot be connected to; start entrepot serve, or set HOST and PORT to where it listens".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("answers with something else than HTTP: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate needs no content for this: only its bytes are compared.
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    #[test]
    fn certificate_is_compared_with_the_first_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cert.pem");
        assert!(is_certificate_of(Some(&[1, 2, 3]), &file).unwrap_err().contains("cannot be read"));
        fs::write(&file, PEM).unwrap();
        assert_eq!(is_certificate_of(Some(&[1, 2, 3]), &file), Ok(()));
        for other in [Some(&[1, 2][..]), None] {
            assert!(is_certificate_of(other, &file).unwrap_err().contains("another certificate"));
        }
        fs::write(&file, "no certificate").unwrap();
        assert!(is_certificate_of(Some(&[1, 2, 3]), &file).unwrap_err().contains("no certificate in PEM"));
    }

    #[test]
    fn dependencies_that_are_down_are_named() {
        let dependencies = serde_json::json!([
            {"name": "database", "status": "down"},
            {"name": "redis", "status": "up"},
        ]);
        assert_eq!(down(&serde_json::json!({"data": {"dependencies": dependencies}})), ["database"]);
        assert!(down(&Value::Null).is_empty());
    }
}
