//! `entrepot health`, by which containers are checked.

use std::{
    net::TcpListener,
    process::Output,
    time::{Duration, Instant},
};

use anyhow::Result;
use entrepot_tests::Server;

fn health(server: &Server, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Output> {
    let port = server.address().port().to_string();
    let settings = [&[("PORT", port.as_str())], settings].concat();
    server.command(&[&["health"], arguments].concat(), &settings)
}

fn told(out: &Output) -> (Option<i32>, String) {
    let text = [out.stdout.as_slice(), &out.stderr].concat();
    (out.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn healthy_server_is_told_in_one_sentence() -> Result<()> {
    let server = Server::start(&[]).await?;
    for (arguments, path) in [(&[][..], "ready"), (&["--live"], "live")] {
        let expected = format!("{}/health/{path} answers that all is well\n", server.url());
        assert_eq!(told(&health(&server, arguments, &[])?), (Some(0), expected));
    }
    // A server on all addresses is asked on the loopback. Secrets that only the server has are not missed.
    let settings = [("HOST", "0.0.0.0"), ("APP_ENV", "production"), ("http_proxy", "http://127.0.0.1:9")];
    let (code, text) = told(&health(&server, &[], &settings)?);
    assert_eq!(code, Some(0), "{text}");
    Ok(())
}

#[tokio::test]
async fn certificate_for_another_name_is_accepted_on_the_loopback() -> Result<()> {
    let (server, _pair, folder) = Server::with_new_tls(&[]).await?;
    let (code, text) = told(&health(&server, &[], &[])?);
    assert_eq!((code, text.starts_with("https://127.0.0.1:")), (Some(0), true), "{text}");
    // The server goes on with the certificate that it has read.
    std::fs::write(folder.path().join("cert.pem"), "nonsense")?;
    let (code, text) = told(&health(&server, &["--live"], &[])?);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = told(&health(&server, &["--live"], &[("TLS_CERT", ""), ("TLS_KEY", "")])?);
    assert_eq!(code, Some(1), "plain HTTP is refused: {text}");
    Ok(())
}

#[tokio::test]
async fn server_that_stops_is_alive_but_not_ready() -> Result<()> {
    let server = Server::start(&[("SHUTDOWN_GRACE", "1m")]).await?;
    server.terminate()?;
    let stopped = Instant::now();
    let (code, text) = loop {
        let (code, text) = told(&health(&server, &[], &[])?);
        if code != Some(0) || stopped.elapsed() > Duration::from_secs(20) {
            break (code, text);
        }
    };
    assert_eq!((code, text.contains("/health/ready answers with the status 503")), (Some(1), true), "{text}");
    assert_eq!(told(&health(&server, &["--live"], &[])?).0, Some(0));
    Ok(())
}

#[tokio::test]
async fn server_that_cannot_be_reached_fails_in_one_sentence() -> Result<()> {
    let server = Server::start(&[]).await?;
    // Accepts by its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let silent_port = silent.local_addr()?.port().to_string();
    let began = Instant::now();
    let (code, text) = told(&health(&server, &[], &[("PORT", &silent_port)])?);
    assert_eq!((code, text.contains("does not answer within 5 s")), (Some(1), true), "{text}");
    assert!(began.elapsed() < Duration::from_secs(20));

    drop(silent);
    let (code, text) = told(&health(&server, &[], &[("PORT", &silent_port)])?);
    assert_eq!((code, text.contains("cannot be connected to")), (Some(1), true), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let (code, text) = told(&health(&server, &[], &[("PORT", "0")])?);
    assert_eq!((code, text.starts_with("PORT is 0")), (Some(2), true), "{text}");
    Ok(())
}
